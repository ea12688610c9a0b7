//! Listeners that count those whom they serve: a stream that is not let go of is a guest who never leaves.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use adieu_tokio::Connect;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::peers::{listen, soon};
use crate::steps::{Manner, Steps};

#[derive(Clone, Default)]
pub(crate) struct Guests(watch::Sender<usize>);

impl Guests {
    /// Serves every client of a listener of its own with `talk`, which ends when the client has left: by an end of the stream, or by what
    /// comes of leaving something unread.
    pub(crate) async fn receive<F>(&self, talk: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (listener, address) = listen().await;
        let Self(count) = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                let (talking, count) = (talk(stream), count.clone());
                tokio::spawn(async move {
                    if let Err(error) = talking.await {
                        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
                        assert!(
                            matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof),
                            "{error}"
                        );
                    }
                    count.send_modify(|count| *count -= 1);
                });
            }
        });
        address
    }

    /// Waits until all have left.
    async fn have_left(&self) {
        soon(self.0.subscribe().wait_for(|count| *count == 0)).await.expect("the counter");
    }

    /// S7: opens and talks again and again, with `open` dropped at each of its polls and then called again; every guest leaves. `least`: so
    /// often it cannot but wait.
    pub(crate) async fn are_dropped_at_every_poll(&self, connect: &Connect, least: usize) {
        for manner in Manner::ALL {
            for at in 1.. {
                let steps = Steps::new(manner, [at, 0]);
                let opened = soon(steps.step(async |_| connect.clone().open().await)).await;
                let mut client = opened.unwrap_or_else(|error| panic!("{manner:?} at {at}: {error}"));
                client.send("whole").await.expect("sent");
                assert_eq!(soon(client.recv()).await.expect("an echo").as_text(), Some("whole"));
                assert!(soon(client.close(1000, "")).await.expect("closed").clean);
                drop(client);
                self.have_left().await;
                if steps.pending() < at {
                    assert!(at > least, "{manner:?}: only {at} polls");
                    break;
                }
            }
        }
    }
}
