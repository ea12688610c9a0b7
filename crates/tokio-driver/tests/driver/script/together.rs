//! Scripts of several calls at a time, of both directions, and of the opening handshake.

use super::peer::Peer;
use super::subject::{self, Ended, Subject};
use super::{Script, Start};
use crate::peers::{CLOSE, NORMAL, TEXT};

type Done = Result<(), Ended>;

pub(crate) fn scripts() -> Vec<Script> {
    let plain = Script {
        name: "an echo",
        start: Start::Open,
        len: 64,
        config: |_| {},
        body: |subject| Box::pin(echo(subject)),
        peer: |peer| Box::pin(ask(peer)),
        joined: false,
        races: false,
    };
    vec![
        plain,
        Script { name: "a handshake and an echo", start: Start::Handshake, ..plain },
        Script { name: "a refused handshake", start: Start::Refused, ..plain },
        Script {
            name: "both directions at once",
            body: |subject| Box::pin(both(subject)),
            joined: true,
            ..plain
        },
        Script {
            name: "three senders",
            len: 16,
            config: |config| (config.send_high, config.send_low) = (64, 32),
            body: |subject| Box::pin(three(subject)),
            peer: |peer| Box::pin(peer.see_out()),
            joined: true,
            races: true,
            ..plain
        },
    ]
}

async fn echo(subject: &mut Subject) -> Done {
    loop {
        let payload = subject.recv().await?;
        subject.send(&payload).await?;
    }
}

/// Sends while it receives, and pings.
async fn both(subject: &mut Subject) -> Done {
    let (steps, record) = (subject.steps.clone(), subject.record.clone());
    let sender = subject.sender().clone();
    let sending = async {
        for number in 0..5 {
            subject::send(&steps, &record, &sender, &[number; 50]).await?;
        }
        Ok(())
    };
    let receiving = async {
        loop {
            subject::recv(&steps, &record, subject.socket()).await?;
        }
    };
    let (sent, received): (Done, Done) = tokio::join!(sending, receiving);
    sent.and(received)
}

async fn three(subject: &mut Subject) -> Done {
    let (steps, record) = (subject.steps.clone(), subject.record.clone());
    let senders = [(); 3].map(|()| subject.sender().clone());
    let sending = |number: usize| {
        let (steps, record, sender) = (&steps, &record, &senders[number]);
        async move {
            for count in 0..3 {
                let payload = vec![count; 30 + number];
                subject::send(steps, record, sender, &payload).await?;
            }
            Ok(())
        }
    };
    let (one, two, three): (Done, Done, Done) = tokio::join!(sending(0), sending(1), sending(2));
    drop(senders);
    one.and(two).and(three)?;
    subject.close(1000).await
}

async fn ask(mut peer: Peer) {
    for number in 0..5 {
        peer.say(TEXT, &vec![b'a'; number * 20]).await;
        peer.hear_message().await;
        peer.pause().await;
    }
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}
