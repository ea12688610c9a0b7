//! A chat room: your first message is your name, every other one goes to everybody.
//!
//! ```text
//! cargo run -p adieu-tokio --example chat 127.0.0.1:9001
//! cargo run -p adieu -- connect ws://127.0.0.1:9001/
//! ```
//!
//! Try: two terminals with two names, and a third with a name that is taken. Stop the server with Ctrl-C: everybody
//! is told (1001) before it goes.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, io};

use adieu_tokio::{
    Accept, Close, CloseCode, Incoming, OriginPolicy, Prepared, SendRefusal, Sender, ServerConfig, serve,
};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = ServerConfig::new(OriginPolicy::Any);
    let room = Arc::new(Room::default());
    let handler = move |incoming| chat(Arc::clone(&room), incoming);
    serve(listener, Arc::new(config), handler)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
    Ok(())
}

/// Runs once for each client.
async fn chat(room: Arc<Room>, incoming: Incoming<TcpStream>) {
    let Ok(mut ws) = incoming.accept(Accept::new()).await else { return };
    let Ok(first) = ws.recv().await else { return };
    let member = match first.as_text().map(str::trim) {
        Some(name) if is_name(name) => room.join(name, ws.sender()),
        Some(_) | None => return refuse(&ws, "a name has 1 to 20 letters or digits").await,
    };
    let Some(member) = member else {
        return refuse(&ws, "that name is taken").await;
    };
    while let Ok(message) = ws.recv().await {
        match message.as_text() {
            Some(text) => room.tell(&format!("{}: {text}", member.name)),
            None => return refuse(&ws, "this room talks in text").await,
        }
    }
}

/// Closes, and stays until the client has answered.
async fn refuse(client: &Sender<TcpStream>, why: &str) {
    let _ = client.close(1008, why).await;
}

fn is_name(name: &str) -> bool {
    (1..=20).contains(&name.chars().count()) && name.chars().all(char::is_alphanumeric)
}

/// Who is here, by name.
#[derive(Default)]
struct Room(Mutex<BTreeMap<String, Sender<TcpStream>>>);

impl Room {
    /// Registers a client for as long as the returned [`Member`] lives; `None` if its name is taken.
    fn join(self: &Arc<Self>, name: &str, client: Sender<TcpStream>) -> Option<Member> {
        let mut members = self.members();
        if members.contains_key(name) {
            return None;
        }
        members.insert(name.to_owned(), client);
        let notice = format!("* {name} joined: {} here", members.len());
        tell(&members, &notice);
        Some(Member { name: name.to_owned(), room: Arc::clone(self) })
    }

    fn tell(&self, line: &str) {
        tell(&self.members(), line);
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<String, Sender<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queues a line for everybody, encoded once, without waiting for anybody.
fn tell(members: &BTreeMap<String, Sender<TcpStream>>, line: &str) {
    let line = Prepared::text(line);
    for client in members.values() {
        // Whose queue is full does not keep up, and has to go. Whoever else is refused is leaving already.
        if client.try_send_prepared(&line) == Err(SendRefusal::Full) {
            let _ = client.start_close(Close::cut(CloseCode::TRY_AGAIN_LATER, "too slow"));
        }
    }
}

/// A registered client. Dropping it is leaving: on a clean end, an error, a panic or a shutdown, and only once.
struct Member {
    name: String,
    room: Arc<Room>,
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.room.members();
        members.remove(&self.name);
        let notice = format!("* {} left: {} here", self.name, members.len());
        tell(&members, &notice);
    }
}
