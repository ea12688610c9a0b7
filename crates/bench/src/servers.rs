//! Adieu's echo servers, over both drivers.

use std::sync::Arc;

use adieu_core::handshake::Accept;
use adieu_core::{OriginPolicy, ServerConfig};
use adieu_mio::{EventLoop, Handler, Key, Message, Sockets};
use adieu_tokio::Incoming;
use tokio::net::{TcpListener, TcpStream};

use crate::Fallible;

fn config() -> Arc<ServerConfig> {
    Arc::new(ServerConfig::new(OriginPolicy::Any))
}

/// Serves over tokio.
///
/// # Errors
///
/// None: it does not end.
pub async fn over_tokio(listener: TcpListener) -> Fallible<()> {
    let serve = adieu_tokio::serve(listener, config(), |incoming: Incoming<TcpStream>| async move {
        let Ok(mut socket) = incoming.accept(Accept::new()).await else {
            return;
        };
        while let Ok(message) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    });
    serve.await;
    Ok(())
}

struct Echo;

impl Handler for Echo {
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        drop(sockets.send(key, message));
    }
}

/// Serves over mio, in this thread.
///
/// # Errors
///
/// The poll's.
pub fn over_mio(listener: std::net::TcpListener) -> Fallible<()> {
    listener.set_nonblocking(true)?;
    let listener = mio::net::TcpListener::from_std(listener);
    EventLoop::new(Echo)?.serve(listener, config())?.run()?;
    Ok(())
}
