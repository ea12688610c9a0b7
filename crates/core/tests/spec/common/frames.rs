//! Frames by hand (RFC 6455 §5.2): a builder that can also build what is forbidden, and a parser that forgives nothing.

use adieu_core::Role;

/// How a payload length is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// In the shortest form.
    Shortest,
    /// In 16 bits.
    Bits16,
    /// In 64 bits.
    Bits64,
    /// In 64 bits, with this value whatever the payload.
    Says(u64),
}

/// A frame to be built, right or wrong.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) form: Form,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    pub(crate) fn fin(mut self, fin: bool) -> Self {
        self.fin = fin;
        self
    }

    /// `rsv` is RSV1 to RSV3 as three bits, RSV1 the highest.
    pub(crate) fn rsv(mut self, rsv: u8) -> Self {
        self.rsv = rsv;
        self
    }

    pub(crate) fn mask(mut self, mask: Option<[u8; 4]>) -> Self {
        self.mask = mask;
        self
    }

    pub(crate) fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode];
        let masked = u8::from(self.mask.is_some()) << 7;
        let len = self.payload.len() as u64;
        match (self.form, len) {
            (Form::Shortest, 0..=125) => out.push(masked | len as u8),
            (Form::Shortest, 126..=65_535) | (Form::Bits16, _) => {
                out.push(masked | 126);
                out.extend((len as u16).to_be_bytes());
            }
            (Form::Shortest | Form::Bits64, _) => {
                out.push(masked | 127);
                out.extend(len.to_be_bytes());
            }
            (Form::Says(len), _) => {
                out.push(masked | 127);
                out.extend(len.to_be_bytes());
            }
        }
        let key = self.mask.unwrap_or_default();
        out.extend(self.mask.iter().flatten());
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }
}

/// The other endpoint: knows whether its frames are masked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    masks: bool,
}

impl Peer {
    /// The peer of an endpoint in `role`.
    pub(crate) fn of(role: Role) -> Self {
        Self { masks: role == Role::Server }
    }

    pub(crate) fn frame(self, opcode: u8, payload: impl AsRef<[u8]>) -> Raw {
        Raw {
            fin: true,
            rsv: 0,
            opcode,
            mask: self.masks.then_some([0x37, 0xFA, 0x21, 0x3D]),
            form: Form::Shortest,
            payload: payload.as_ref().to_vec(),
        }
    }

    pub(crate) fn text(self, text: &str) -> Vec<u8> {
        self.frame(1, text).bytes()
    }

    pub(crate) fn binary(self, payload: &[u8]) -> Vec<u8> {
        self.frame(2, payload).bytes()
    }

    /// The first fragment of a text.
    pub(crate) fn start(self, text: &str) -> Vec<u8> {
        self.frame(1, text).fin(false).bytes()
    }

    pub(crate) fn middle(self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.frame(0, payload).fin(false).bytes()
    }

    pub(crate) fn last(self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.frame(0, payload).bytes()
    }

    pub(crate) fn ping(self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.frame(9, payload).bytes()
    }

    pub(crate) fn pong(self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.frame(10, payload).bytes()
    }

    pub(crate) fn close(self, code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_ref());
        self.frame(8, payload).bytes()
    }

    pub(crate) fn empty_close(self) -> Vec<u8> {
        self.frame(8, "").bytes()
    }
}

/// A frame that the endpoint under test wrote, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    pub(crate) rsv1: bool,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
    /// Where it begins in the bytes that were parsed.
    pub(crate) at: usize,
}

impl Frame {
    /// One line, behind `compressed ` where RSV1 is set: `text hi`, `text… he` for a first fragment, `…middle x`, `…end x`, `close 1000 bye`, `ping x`.
    pub(crate) fn name(&self) -> String {
        let kind = match (self.opcode, self.fin) {
            (0, false) => "…middle",
            (0, true) => "…end",
            (1, false) => "text…",
            (1, true) => "text",
            (2, false) => "binary…",
            (2, true) => "binary",
            (8, _) => return self.close_name(),
            (9, _) => "ping",
            (10, _) => "pong",
            (opcode, _) => panic!("wrote opcode {opcode}"),
        };
        let kind = if self.rsv1 { format!("compressed {kind}") } else { kind.to_owned() };
        if self.payload.len() > 40 {
            return format!("{kind} [{}]", self.payload.len());
        }
        format!("{kind} {}", String::from_utf8_lossy(&self.payload)).trim_end().to_owned()
    }

    fn close_name(&self) -> String {
        match *self.payload {
            [] => "close".to_owned(),
            [high, low, ref reason @ ..] => {
                let reason = str::from_utf8(reason).expect("a reason in UTF-8");
                format!("close {} {reason}", u16::from_be_bytes([high, low])).trim_end().to_owned()
            }
            [_] => panic!("wrote a Close of one byte"),
        }
    }
}

/// The names of all whole frames in what an endpoint of `role` wrote.
pub(crate) fn frame_names(role: Role, wire: &[u8]) -> Vec<String> {
    parse_frames(role, wire).0.iter().map(Frame::name).collect()
}

/// All whole frames in what an endpoint of `role` wrote, and what is left. Panics on what may not be written.
pub(crate) fn parse_frames(role: Role, wire: &[u8]) -> (Vec<Frame>, &[u8]) {
    let mut frames = Vec::new();
    let mut rest = wire;
    while let Some((mut frame, behind)) = parse_frame(role, rest) {
        frame.at = wire.len() - rest.len();
        rest = behind;
        frames.push(frame);
    }
    check_order(&frames);
    (frames, rest)
}

fn parse_frame(role: Role, wire: &[u8]) -> Option<(Frame, &[u8])> {
    let (&[first, second], rest) = wire.split_first_chunk()?;
    let rsv1 = first & 0x40 != 0;
    assert!(first & 0x30 == 0 && (!rsv1 || matches!(first & 0x0F, 1 | 2)), "wrote a reserved bit");
    assert_eq!(second & 0x80 != 0, role == Role::Client, "masking is for clients and only for them");
    let (len, rest) = match second & 0x7F {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u16::from_be_bytes(*len);
            assert!(len > 125, "wrote a length that is not minimal");
            (u64::from(len), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u64::from_be_bytes(*len);
            assert!(len > 65_535 && len >> 63 == 0, "wrote a bad 64-bit length");
            (len, rest)
        }
        len => (u64::from(len), rest),
    };
    let (mask, rest) = match role {
        Role::Client => rest.split_first_chunk().map(|(mask, rest)| (Some(*mask), rest))?,
        Role::Server => (None, rest),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(len).expect("a sane length"))?;
    let key = mask.unwrap_or_default();
    let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    Some((Frame { fin: first & 0x80 != 0, rsv1, opcode: first & 0x0F, mask, payload, at: 0 }, rest))
}

/// What RFC 6455 §5.4, §5.5 and CLOSE.md rule 1 say of every sequence of frames that may be written.
fn check_order(frames: &[Frame]) {
    let (mut in_message, mut text, mut closed) = (false, Vec::new(), false);
    let mut is_text = false;
    for frame in frames {
        if frame.opcode >= 8 {
            assert!(frame.fin && frame.payload.len() <= 125, "wrote a bad control frame: {frame:?}");
        } else {
            assert_eq!(frame.opcode == 0, in_message, "fragments out of order: {frame:?}");
            if frame.opcode != 0 {
                is_text = frame.opcode == 1 && !frame.rsv1;
                text.clear();
            }
            in_message = !frame.fin;
            text.extend_from_slice(&frame.payload);
            if frame.fin && is_text {
                assert!(str::from_utf8(&text).is_ok(), "wrote text that is not UTF-8");
            }
        }
        assert!(!closed || frame.opcode == 10, "wrote behind our Close: {frame:?}");
        closed |= frame.opcode == 8;
    }
}
