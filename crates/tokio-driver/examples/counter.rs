//! A counter that all clients share: everybody sees every change, and how many are looking.
//!
//! ```text
//! cargo run -p adieu-tokio --example counter 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try, from two terminals: `{"action": "plus"}`, `{"action": "minus"}`, then `{"action": "times"}`: that one is
//! reported, and you stay. Kill a client in whatever way you like: the others see it leave, once.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, io};

use adieu_tokio::{
    Accept, Close, CloseCode, Incoming, OriginPolicy, Prepared, SendRefusal, Sender, ServerConfig, serve,
};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

/// A longer request is not even parsed.
const MAX_REQUEST_BYTES: usize = 1024;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = ServerConfig::new(OriginPolicy::Any);
    let counter = Arc::new(Counter::default());
    let handler = move |incoming| play(Arc::clone(&counter), incoming);
    serve(listener, Arc::new(config), handler).await;
    Ok(())
}

/// Runs once for each client.
async fn play(counter: Arc<Counter>, incoming: Incoming<TcpStream>) {
    let Ok(mut ws) = incoming.accept(Accept::new()).await else { return };
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
}

/// What a client asks for. Other fields are skipped.
#[derive(Deserialize)]
struct Request {
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Plus,
    Minus,
}

/// Reads a request; the error is for the client.
fn read(message: &[u8]) -> Result<Action, String> {
    if message.len() > MAX_REQUEST_BYTES {
        return Err(format!("a request has at most {MAX_REQUEST_BYTES} bytes"));
    }
    let request: Request = serde_json::from_slice(message).map_err(|error| error.to_string())?;
    Ok(request.action)
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Notice {
    Value { value: i64 },
    Users { count: usize },
    Error { message: String },
}

fn json(notice: &Notice) -> String {
    serde_json::to_string(notice).expect("numbers and text are always JSON")
}

/// The value and who looks at it, behind one lock: so everybody sees the same changes in the same order.
#[derive(Default)]
struct Counter(Mutex<Table>);

#[derive(Default)]
struct Table {
    value: i64,
    joined: u64,
    users: HashMap<u64, Sender<TcpStream>>,
}

impl Counter {
    /// Tells a client the value, and registers it for as long as the returned [`User`] lives.
    fn join(self: &Arc<Self>, sender: Sender<TcpStream>) -> User {
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
