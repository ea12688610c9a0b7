//! The counter that all clients share, at `/counter`.
//!
//! A client joins on opening, and leaves exactly once, however it ends. It sends `{"action": "plus"}` or
//! `{"action": "minus"}`, and is told `{"type": "value", "value": 1}` and `{"type": "users", "count": 2}` at every
//! change, and `{"type": "error", "message": "…"}` when it asks for something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adieu_tokio::{Close, CloseCode, Closed, NetStream, Prepared, SendRefusal, Sender, WebSocket};
use serde::{Deserialize, Serialize};

/// A longer request is not even parsed.
const MAX_REQUEST_BYTES: usize = 1024;

/// Plays for one client until its connection has ended.
pub(crate) async fn play(counter: &Arc<Counter>, mut ws: WebSocket<NetStream>) -> Box<Closed> {
    let _user = counter.join(ws.sender());
    while let Ok(message) = ws.recv().await {
        match read(message.as_bytes()) {
            Ok(Action::Plus) => counter.add(1),
            Ok(Action::Minus) => counter.add(-1),
            Err(message) => {
                if ws.send(json(&Notice::Error { message })).await.is_err() {
                    break;
                }
            }
        }
    }
    ws.closed().await
}

/// What a client asks for. Other fields are skipped.
#[derive(Deserialize)]
struct Request {
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Plus,
    Minus,
}

/// Reads a request; the error is for the client.
pub(crate) fn read(message: &[u8]) -> Result<Action, String> {
    if message.len() > MAX_REQUEST_BYTES {
        return Err(format!("a request has at most {MAX_REQUEST_BYTES} bytes"));
    }
    let request: Request = serde_json::from_slice(message).map_err(|error| error.to_string())?;
    Ok(request.action)
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Notice {
    Value { value: i64 },
    Users { count: usize },
    Error { message: String },
}

pub(crate) fn json(notice: &Notice) -> String {
    serde_json::to_string(notice).expect("numbers and text are always JSON")
}

/// The value and who looks at it, behind one lock: so everybody sees the same changes in the same order.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    value: i64,
    joined: u64,
    users: HashMap<u64, Sender<NetStream>>,
}

impl Counter {
    /// Tells a client the value, and registers it for as long as the returned [`User`] lives.
    fn join(self: &Arc<Self>, sender: Sender<NetStream>) -> User {
        let mut table = self.table();
        let _ = sender.try_send(json(&Notice::Value { value: table.value }));
        let id = table.joined;
        table.joined += 1;
        table.users.insert(id, sender);
        table.tell(&Notice::Users { count: table.users.len() });
        User { id, counter: Arc::clone(self) }
    }

    fn add(&self, difference: i64) {
        let mut table = self.table();
        table.value = table.value.saturating_add(difference);
        table.tell(&Notice::Value { value: table.value });
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Queues a notice for everybody: encoded once, never waiting for anybody.
    fn tell(&self, notice: &Notice) {
        let message = Prepared::text(&json(notice));
        for user in self.users.values() {
            // Whose queue is full does not keep up, and has to go. Whoever else is refused is leaving already.
            if user.try_send_prepared(&message) == Err(SendRefusal::Full) {
                let _ = user.start_close(Close::cut(CloseCode::TRY_AGAIN_LATER, "too slow"));
            }
        }
    }
}

/// A registered client. Dropping it is leaving: on a clean end, an error, a panic or a shutdown, and only once.
struct User {
    id: u64,
    counter: Arc<Counter>,
}

impl Drop for User {
    fn drop(&mut self) {
        let mut table = self.counter.table();
        table.users.remove(&self.id);
        table.tell(&Notice::Users { count: table.users.len() });
    }
}
