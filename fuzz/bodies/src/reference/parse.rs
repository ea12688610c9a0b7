//! What a byte history means.

use std::str::from_utf8;

use adieu_core::{Close, Config, Message, Role, Violation};

/// What a peer said.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// A whole message.
    Message(Message<'static>),
    /// A Ping's payload.
    Ping(Vec<u8>),
    /// A Pong's payload.
    Pong(Vec<u8>),
    /// The last frame.
    Close(Close),
    /// What the peer did wrong.
    Violation(Violation),
}

/// The meaning of the whole history.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The items, each with the length of the history that tells it.
    pub(super) items: Vec<(usize, Item)>,
    /// The history ends inside a frame.
    pub(super) inside_frame: bool,
    /// The peer's unfinished message.
    pub(super) unfinished: Option<Begun>,
}

/// An unfinished message.
#[derive(Debug, Clone, Default)]
pub(super) struct Begun {
    text: bool,
    payload: Vec<u8>,
    frames: u32,
    /// How many of them are whole.
    whole: u32,
}

impl Begun {
    /// How much of it there is: bytes, and frames that are whole.
    pub(super) fn progress(&self) -> (usize, u32) {
        (self.payload.len(), self.whole)
    }
}

struct Head {
    fin: bool,
    opcode: u8,
    len: usize,
    key: [u8; 4],
    size: usize,
}

/// Where a fault shows, counted from the beginning of the frame, and which it is.
type Fault = (usize, Violation);

/// Reads the whole history from its beginning, up to a Close or a fault.
pub(super) fn parse(role: Role, config: &Config, bytes: &[u8]) -> Parsed {
    let (mut parsed, mut at) = (Parsed::default(), 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        parsed.inside_frame = true;
        let head = match head(role, rest) {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(violation) => {
                parsed.items.push((at, Item::Violation(violation)));
                break;
            }
        };
        let part = &rest[head.size..rest.len().min(head.size + head.len)];
        let part: Vec<u8> = part.iter().enumerate().map(|(i, byte)| byte ^ head.key[i % 4]).collect();
        let whole = part.len() == head.len;
        let end = at + head.size + head.len;
        let item = match head.opcode {
            8.. if whole => control(head.opcode, part).map(Some).map_err(|violation| (end - at, violation)),
            8.. => Ok(None),
            _ => data(config, &head, &part, &mut parsed.unfinished),
        };
        match item {
            Ok(Some(item)) => parsed.items.push((end, item)),
            Ok(None) => {}
            Err((place, violation)) => parsed.items.push((at + place, Item::Violation(violation))),
        }
        if !whole || matches!(parsed.items.last(), Some((_, Item::Close(_) | Item::Violation(_)))) {
            parsed.inside_frame = !whole;
            break;
        }
        parsed.inside_frame = false;
        at = end;
    }
    parsed
}

/// A frame's header (RFC 6455 §5.2), each fault when its byte is there.
fn head(role: Role, bytes: &[u8]) -> Result<Option<Head>, Violation> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
    match opcode {
        _ if first & 0x70 != 0 => return Err(Violation::ReservedBits),
        3..=7 | 11.. => return Err(Violation::Opcode(opcode)),
        8.. if !fin => return Err(Violation::FragmentedControl),
        _ => {}
    }
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    match (role, second & 0x80 != 0) {
        (Role::Server, false) => return Err(Violation::NotMasked),
        (Role::Client, true) => return Err(Violation::Masked),
        _ => {}
    }
    let short = usize::from(second & 0x7F);
    if opcode >= 8 && short > 125 {
        return Err(Violation::ControlLength);
    }
    let extra = [0, 2, 8][short.saturating_sub(125)];
    if extra == 8 && bytes.get(2).is_some_and(|byte| byte & 0x80 != 0) {
        return Err(Violation::LengthTopBit);
    }
    let Some(long) = bytes.get(2..2 + extra) else { return Ok(None) };
    let len = if extra == 0 { short } else { long.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)) };
    if extra == 2 && len < 126 || extra == 8 && len <= 0xFFFF {
        return Err(Violation::LengthNotMinimal);
    }
    let size = 2 + extra + if role == Role::Server { 4 } else { 0 };
    let Some(key) = bytes.get(2 + extra..size) else { return Ok(None) };
    Ok(Some(Head { fin, opcode, len, key: key.try_into().unwrap_or([0; 4]), size }))
}

/// A whole control frame; a Close says what §5.5.1 and §7.4 let it say.
fn control(opcode: u8, payload: Vec<u8>) -> Result<Item, Violation> {
    match (opcode, payload.as_slice()) {
        (9, _) => Ok(Item::Ping(payload)),
        (10, _) => Ok(Item::Pong(payload)),
        (_, []) => Ok(Item::Close(Close::EMPTY)),
        (_, [_]) => Err(Violation::CloseLength),
        (_, [high, low, reason @ ..]) => {
            // Latitude: a reason that is not UTF-8 is found before a code that may not travel.
            let reason = from_utf8(reason).map_err(|_| Violation::CloseReasonUtf8)?;
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Violation::CloseCode(code));
            }
            Ok(Item::Close(Close::new(code, reason).expect("a code and a reason that may travel")))
        }
    }
}

/// What has come of a data frame goes on with the message.
fn data(
    config: &Config,
    head: &Head,
    part: &[u8],
    unfinished: &mut Option<Begun>,
) -> Result<Option<Item>, Fault> {
    // Latitude: the order of fragments is looked at when the header is whole.
    match (head.opcode, unfinished.is_some()) {
        (0, false) => return Err((head.size, Violation::ContinuationWithoutStart)),
        (1 | 2, true) => return Err((head.size, Violation::MessageInsideMessage)),
        _ => {}
    }
    let before = unfinished.clone().unwrap_or(Begun { text: head.opcode == 1, ..Begun::default() });
    // Latitude: a frame that limits refuse does not begin a message that would be cut.
    if head.len > config.max_frame_len {
        return Err((head.size, Violation::FrameTooLong));
    } else if before.payload.len() + head.len > config.max_message_len {
        return Err((head.size, Violation::MessageTooLong));
    } else if before.frames + 1 > config.max_fragments {
        return Err((head.size, Violation::TooManyFragments));
    }
    let (text, payload) = (before.text, [&before.payload, part].concat());
    let whole = before.whole + u32::from(part.len() == head.len);
    *unfinished = Some(Begun { text, payload: payload.clone(), frames: before.frames + 1, whole });
    if text && from_utf8(&payload).is_err_and(|error| error.error_len().is_some()) {
        return Err((head.size + part.len(), Violation::TextUtf8));
    } else if !head.fin || part.len() < head.len {
        return Ok(None);
    } else if !text {
        *unfinished = None;
        return Ok(Some(Item::Message(payload.into())));
    }
    let payload = String::from_utf8(payload).map_err(|_| (head.size + head.len, Violation::TextUtf8))?;
    *unfinished = None;
    Ok(Some(Item::Message(payload.into())))
}
