//! What the application does, and what it is told.

use adieu_core::Event;
use adieu_core::handshake::{Accept, Reject};
use adieu_core::lifecycle::{Input, Phase};

use super::super::trace::event_name;
use super::super::words::{close_refusal, new_close, ping_refusal, send_refusal};
use super::super::{AppAct, Fragment};
use super::{Asks, CoreRunner};

// The application's side.
impl CoreRunner {
    /// Asks for an event, if the application does.
    pub(super) fn poll(&mut self) -> bool {
        if self.asks == Asks::No {
            return false;
        }
        let before = self.conn.phase();
        let event = self.conn.poll_event(self.now);
        self.note(before, &[Input::Due]);
        self.handling &= event.is_some();
        event.map(|event| self.told(&event)).is_some()
    }

    pub(super) fn told(&mut self, event: &Event<'_>) {
        let name = event_name(event, self.conn.peer_close());
        self.app(name);
        self.handling = matches!(event, Event::Message(_));
        let answers = self.handling || matches!(event, Event::Closed(_));
        if answers && self.asks == Asks::Once {
            self.asks = Asks::No;
        }
    }

    pub(super) fn app_act(&mut self, act: &AppAct) {
        if matches!(act, AppAct::Send(_) | AppAct::Fragment(..)) {
            // S2: what is there is looked at before anything is sent.
            while self.read() {}
        }
        let (before, now) = (self.conn.phase(), self.now);
        let refused = match act {
            AppAct::Hold => return self.asks = Asks::No,
            AppAct::Next => return self.asks = Asks::Once,
            AppAct::Send(fragment) => self.send(fragment),
            AppAct::Fragment(fragment, end) => self.send_fragment(fragment, *end),
            AppAct::Ping => ping_refusal(self.conn.ping(now).map(drop)),
            AppAct::Pong(payload) => ping_refusal(self.conn.pong(now, payload)),
            AppAct::Close(code, reason) => {
                close_refusal(new_close(*code, reason).and_then(|close| self.conn.close(now, close)))
            }
            AppAct::CloseCutting(code, reason) => {
                close_refusal(new_close(*code, reason).and_then(|close| self.conn.close_cutting(now, close)))
            }
            AppAct::Fail(code, reason) => {
                close_refusal(new_close(Some(*code), reason).and_then(|close| self.conn.fail(now, close)))
            }
            AppAct::Accept => {
                self.conn.accept(now, &Accept::new()).expect("a request to accept");
                None
            }
            AppAct::Reject(status, body) => {
                let answer = Reject::new(*status).expect("a status").body(body.as_bytes());
                self.conn.reject(now, &answer).expect("a request to refuse");
                None
            }
            AppAct::Abort | AppAct::StopReceiving | AppAct::Drop => {
                self.give_up(act);
                None
            }
        };
        self.note_call(before, act, refused.as_deref());
        refused.into_iter().for_each(|why| self.app(format!("refused {why}")));
    }

    fn give_up(&mut self, act: &AppAct) {
        match act {
            AppAct::Abort => self.conn.abort(self.now),
            AppAct::StopReceiving => self.conn.stop_receiving(self.now),
            _ => {
                self.asks = Asks::No;
                self.conn.handle_dropped(self.now);
            }
        }
    }

    /// Which row of the lifecycle's table a call was.
    fn note_call(&mut self, before: Phase, act: &AppAct, refused: Option<&str>) {
        // What was refused for its arguments never came to the table.
        let reached = refused.is_none_or(|why| !why.starts_with("close-") && why != "message-unfinished");
        let input = match act {
            AppAct::Send(_) | AppAct::Fragment(..) => Input::Send,
            AppAct::Ping => Input::SendPing,
            // A Pong may be sent where a Ping would be answered.
            AppAct::Pong(_) => Input::PeerPing,
            AppAct::Close(..) | AppAct::CloseCutting(..) => Input::Close,
            AppAct::Fail(..) => Input::Fail,
            AppAct::Abort => Input::Abort,
            AppAct::Accept => Input::Opened,
            AppAct::Reject(..) => Input::Refused,
            AppAct::StopReceiving => return self.note(before, &[Input::Due]),
            AppAct::Drop => return self.note(before, &[Input::Close]),
            AppAct::Hold | AppAct::Next => return,
        };
        if reached {
            self.certain(before, input);
        }
    }

    fn send(&mut self, Fragment { text, payload }: &Fragment) -> Option<String> {
        let result = match str::from_utf8(payload) {
            Ok(words) if *text => self.conn.send(self.now, words).map_err(|error| error.refusal),
            _ => self.conn.send(self.now, &payload[..]).map_err(|error| error.refusal),
        };
        send_refusal(result.map(drop))
    }

    fn send_fragment(&mut self, Fragment { text, payload }: &Fragment, end: bool) -> Option<String> {
        let result = match str::from_utf8(payload) {
            Ok(words) if *text => {
                self.conn.send_fragment(self.now, words, end).map_err(|error| error.refusal)
            }
            _ => self.conn.send_fragment(self.now, &payload[..], end).map_err(|error| error.refusal),
        };
        send_refusal(result.map(drop))
    }
}
