//! C9: the end at every byte of an exchange of about 300 bytes. What must follow is told by where the frames begin and end.

use adieu_core::Role;
use adieu_tests::scenario::{
    Act, CoreRunner, Cut, Feed, MioRunner, Over, Peer, PeerAct, Scenario, TokioRunner, parse, play,
};

/// The peer's frames, and what the application sees of each once it is whole.
const FRAMES: [(&str, &str); 6] = [
    ("text \"hello\"", "=> app: text \"hello\""),
    ("ping \"p\"", "=> peer: pong \"p\""),
    ("text begin \"in \"", ""),
    ("last \"parts\"", "=> app: text \"in parts\""),
    ("binary \"x\" * 270", "=> app: binary \"x\" * 270"),
    ("close 1000 \"bye\"", "=> app: closing 1000 \"bye\"\n=> peer: close 1000 \"bye\""),
];

/// The bytes of a frame to an endpoint in `role`.
fn frame_bytes(frame: &str, role: Role) -> Vec<u8> {
    let scenario = parse(&format!("[C9] a frame\nopen\npeer: {frame}")).expect("a frame").remove(0);
    let pieces = scenario.acts().find_map(|act| match act {
        Act::Peer(PeerAct::Send(pieces, _)) => Some(&pieces[..]),
        _ => None,
    });
    Peer::of(role, false).segment(pieces.expect("what the peer sends"))
}

/// The scenario in which the peer's stream ends behind `len` bytes of the exchange.
fn script(role: Role, len: usize) -> String {
    let (mut bytes, mut follows, mut begun) = (Vec::new(), String::new(), 0);
    let (mut inside, mut cut_in, mut closed) = (false, false, false);
    for (frame, what) in FRAMES {
        let next = frame_bytes(frame, role);
        let end = begun + next.len();
        if end <= len {
            follows += &format!("{what}\n");
            cut_in = frame.starts_with("text begin");
            closed = frame.starts_with("close");
        } else if begun < len {
            inside = true;
            // A data frame of which the header is there is a message that was begun.
            let header = if role == Role::Server { 6 } else { 2 } + 2 * usize::from(next.len() > 200);
            cut_in |= !frame.starts_with("close") && !frame.starts_with("ping") && len - begun >= header;
        }
        bytes.extend(next);
        begun = end;
    }
    let hex: Vec<String> = bytes[..len].iter().map(|byte| format!("{byte:02x}")).collect();
    let verdict = match (closed, inside) {
        (true, _) => "handshake, clean, initiator peer, sent 1000 \"bye\", received 1000 \"bye\"",
        (false, true) => "end-of-stream inside-frame",
        (false, false) => "end-of-stream between-frames",
    };
    let cut = if cut_in { ", cut-in" } else { "" };
    let ends = format!("=> verdict: {verdict}{cut}\n=> app: closed\n=> peer: end\n=> released");
    format!(
        "[C9/{len}] the end behind byte {len}\nopen\npeer: bytes {} + end\n{follows}{ends}",
        hex.join(" ")
    )
}

/// Every length of the exchange, as a scenario.
fn scenarios(role: Role) -> impl Iterator<Item = Scenario> {
    let len: usize = FRAMES.iter().map(|(frame, _)| frame_bytes(frame, role).len()).sum();
    assert!(len > 300, "the exchange has {len} bytes");
    (0..=len).map(move |len| parse(&script(role, len)).expect("a scenario").remove(0))
}

#[test]
fn the_end_at_every_byte_of_an_exchange_brings_one_verdict_over_the_core() {
    for role in [Role::Client, Role::Server] {
        for scenario in scenarios(role) {
            for cut in [Cut::Whole, Cut::EveryByte] {
                let mut runner = CoreRunner::new(&scenario, role, cut, Feed::Asking);
                assert_eq!(play(&scenario, role, &mut runner).map(drop), Ok(()));
            }
        }
    }
}

#[test]
fn the_end_at_every_byte_of_an_exchange_brings_one_verdict_over_the_mio_driver() {
    for role in [Role::Client, Role::Server] {
        for scenario in scenarios(role) {
            assert_eq!(play(&scenario, role, &mut MioRunner::new(&scenario, role)).map(drop), Ok(()));
        }
    }
}

#[test]
fn the_end_at_every_byte_of_an_exchange_brings_one_verdict_over_the_tokio_driver() {
    for role in [Role::Client, Role::Server] {
        for scenario in scenarios(role) {
            let mut runner = TokioRunner::new(&scenario, role, Over::Pipe);
            assert_eq!(play(&scenario, role, &mut runner).map(drop), Ok(()));
        }
    }
}
