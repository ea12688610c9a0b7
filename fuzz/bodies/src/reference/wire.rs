//! Frames as bytes: those that the core wrote, and those that a peer writes, with flaws if need be.

use adieu_core::Role;
use adieu_core::frame::Header;
use adieu_core::mask::mask;

const KEY: [u8; 4] = [0x12, 0xF4, 0x56, 0xA8];

/// What is wrong with a frame of the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Flaw {
    None,
    Masking,
    NotMinimal16,
    NotMinimal64,
    TopBit,
    /// The header declares so much more than follows.
    Longer(usize),
}

/// The frames that are whole in our own output.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let receiver =
            if bytes.get(1).is_some_and(|byte| byte & 0x80 != 0) { Role::Server } else { Role::Client };
        let (header, size) =
            Header::parse(bytes, receiver, false).expect("a good header").expect("a whole header");
        let len = usize::try_from(header.len).expect("a length");
        let mut payload = bytes[size..size + len].to_vec();
        mask(header.key.unwrap_or_default(), &mut payload);
        bytes = &bytes[size + len..];
        found.push((header, payload));
    }
    found
}

/// A frame to `receiver`.
pub(super) fn frame(receiver: Role, first: u8, payload: &[u8], flaw: Flaw) -> Vec<u8> {
    let masked = (receiver == Role::Server) != (flaw == Flaw::Masking);
    let len = payload.len() + if let Flaw::Longer(more) = flaw { more } else { 0 };
    let (short, long) = match (flaw, len) {
        (Flaw::NotMinimal64, _) => (127, (len as u64).to_be_bytes().to_vec()),
        (Flaw::TopBit, _) => (127, (len as u64 | 1 << 63).to_be_bytes().to_vec()),
        (Flaw::NotMinimal16, _) | (_, 126..=0xFFFF) => (126, (len as u16).to_be_bytes().to_vec()),
        (_, 0..=125) => (len as u8, Vec::new()),
        _ => (127, (len as u64).to_be_bytes().to_vec()),
    };
    let mut frame = vec![first, short | if masked { 0x80 } else { 0 }];
    frame.extend(long);
    let mut payload = payload.to_vec();
    if masked {
        frame.extend(KEY);
        mask(KEY, &mut payload);
    }
    frame.extend(payload);
    frame
}
