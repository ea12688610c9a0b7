//! Checks what an endpoint writes: a stream of well-formed frames (RFC 6455 §5), whatever it was made to do.

use adieu_core::{CloseCode, Role};

/// Reads an endpoint's output, in pieces of any size.
pub(crate) struct Wire {
    role: Role,
    buffer: Vec<u8>,
    /// The opening handshake is still to come.
    head: bool,
    /// An HTTP refusal: what follows is its body.
    refused: bool,
    in_message: bool,
    closed: bool,
    /// Messages of which the last byte was written.
    messages: u64,
}

impl Wire {
    pub(crate) fn new(role: Role, head: bool) -> Self {
        Self { role, buffer: Vec::new(), head, refused: false, in_message: false, closed: false, messages: 0 }
    }

    /// How many messages were written whole.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Takes the next bytes.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.head {
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            let (head, opens): (&[u8], &[u8]) = match self.role {
                Role::Server => (b"HTTP/1.1 ", b"HTTP/1.1 101 "),
                Role::Client => (b"GET ", b"GET "),
            };
            assert!(self.buffer.starts_with(head), "nothing is written before the opening handshake");
            self.refused = !self.buffer.starts_with(opens);
            self.buffer.drain(..end + 4);
            self.head = false;
        }
        while !self.refused
            && let Some(len) = self.frame()
        {
            self.buffer.drain(..len);
        }
    }

    /// Checks the first frame if it is whole, and tells its length.
    fn frame(&mut self) -> Option<usize> {
        let (&first, &second) = (self.buffer.first()?, self.buffer.get(1)?);
        let masked = second & 0x80 != 0;
        assert_eq!(masked, self.role == Role::Client, "a client masks, a server does not");
        assert!(!self.closed || first == 0x8A, "only Pongs are written behind a Close");
        let (len, header_len) = self.payload_len(second & 0x7F)?;
        let key_len = if masked { 4 } else { 0 };
        let start = header_len + key_len;
        let key = self.buffer.get(header_len..start)?;
        let payload: Vec<u8> = self
            .buffer
            .get(start..start + len)?
            .iter()
            .enumerate()
            .map(|(index, byte)| if masked { byte ^ key[index % 4] } else { *byte })
            .collect();
        self.judge(first, &payload);
        Some(start + len)
    }

    fn payload_len(&self, short: u8) -> Option<(usize, usize)> {
        match short {
            126 => {
                let bytes = self.buffer.get(2..4)?.try_into().ok()?;
                let len = usize::from(u16::from_be_bytes(bytes));
                assert!(len > 125, "a length that is not minimal");
                Some((len, 4))
            }
            127 => {
                let bytes = self.buffer.get(2..10)?.try_into().ok()?;
                let len = u64::from_be_bytes(bytes);
                assert!(len > 0xFFFF, "a length that is not minimal");
                Some((usize::try_from(len).expect("it was written"), 10))
            }
            len => Some((usize::from(len), 2)),
        }
    }

    fn judge(&mut self, first: u8, payload: &[u8]) {
        assert_eq!(first & 0x70, 0, "reserved bits are clear");
        let fin = first & 0x80 != 0;
        match first & 0x0F {
            0 => assert!(self.in_message, "a continuation continues a message"),
            1 | 2 => assert!(!self.in_message, "a message begins outside of another"),
            opcode @ 8..=10 => {
                assert!(fin && payload.len() <= 125, "a control frame is whole and short");
                if opcode == 8 {
                    self.closed = true;
                    judge_close(payload);
                }
                return;
            }
            opcode => panic!("opcode {opcode}"),
        }
        self.in_message = !fin;
        self.messages += u64::from(fin);
    }
}

fn judge_close(payload: &[u8]) {
    match payload {
        [] => {}
        [_] => panic!("a Close of one byte"),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            assert!(CloseCode::new(code).is_some(), "{code} may not travel");
            assert!(std::str::from_utf8(reason).is_ok(), "a reason is UTF-8");
        }
    }
}
