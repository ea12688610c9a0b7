//! Scripts that are about receiving, and about ends that come from the peer.

use std::time::Duration;

use super::peer::Peer;
use super::subject::{Ended, Subject};
use super::{Script, Start};
use crate::peers::{BINARY, CLOSE, NORMAL, PING, TEXT};

/// Continuation (RFC 6455 §5.2).
const MORE: u8 = 0x0;
/// Reserved.
const RESERVED: u8 = 0x3;

type Done = Result<(), Ended>;

pub(crate) fn scripts() -> Vec<Script> {
    let plain = Script {
        name: "messages of all kinds",
        start: Start::Open,
        len: 64,
        config: |_| {},
        body: |subject| Box::pin(recv_all(subject)),
        peer: |peer| Box::pin(say_all(peer)),
        joined: false,
        races: false,
    };
    vec![
        plain,
        Script { name: "byte by byte", peer: |peer| Box::pin(say_slowly(peer)), ..plain },
        Script { name: "fragments and a Ping", peer: |peer| Box::pin(say_parts(peer)), ..plain },
        Script {
            name: "in parts",
            config: |config| config.chunks = true,
            body: |subject| Box::pin(recv_in_parts(subject)),
            peer: |peer| Box::pin(say_parts(peer)),
            ..plain
        },
        Script { name: "as a stream", body: |subject| Box::pin(next_all(subject)), ..plain },
        Script {
            name: "a full inbox",
            config: |config| (config.inbox_len, config.read_len) = (50, 40),
            peer: |peer| Box::pin(flood(peer)),
            body: |subject| Box::pin(recv_and_reply(subject)),
            ..plain
        },
        Script { name: "the verdict first", body: |subject| Box::pin(verdict_first(subject)), ..plain },
        Script { name: "an end inside a frame", peer: |peer| Box::pin(end_inside(peer)), ..plain },
        Script { name: "a violation", peer: |peer| Box::pin(violate(peer)), ..plain },
        Script { name: "giving up receiving", body: |subject| Box::pin(give_up(subject)), ..plain },
        Script {
            name: "without its receiver",
            body: |subject| Box::pin(drop_receiver(subject)),
            peer: |peer| Box::pin(talk(peer)),
            ..plain
        },
        Script { name: "the last handle goes", body: |subject| Box::pin(drop_everything(subject)), ..plain },
        Script {
            name: "keepalive",
            config: |config| config.ping_interval = Some(Duration::from_secs(20)),
            peer: |peer| Box::pin(be_quiet(peer)),
            ..plain
        },
    ]
}

async fn recv_all(subject: &mut Subject) -> Done {
    loop {
        subject.recv().await?;
    }
}

async fn next_all(subject: &mut Subject) -> Done {
    loop {
        subject.next().await?;
    }
}

async fn recv_in_parts(subject: &mut Subject) -> Done {
    loop {
        subject.recv_in_parts().await?;
    }
}

async fn recv_and_reply(subject: &mut Subject) -> Done {
    loop {
        let payload = subject.recv().await?;
        subject.send(&payload).await?;
    }
}

async fn verdict_first(subject: &mut Subject) -> Done {
    subject.closed().await;
    recv_all(subject).await
}

async fn give_up(subject: &mut Subject) -> Done {
    subject.recv().await?;
    subject.sender().stop_receiving();
    subject.send(b"and still it sends").await?;
    subject.closed().await;
    Ok(())
}

async fn drop_receiver(subject: &mut Subject) -> Done {
    subject.recv().await?;
    subject.drop_receiver();
    subject.send(b"one").await?;
    subject.ping().await?;
    subject.close(1000).await
}

async fn drop_everything(subject: &mut Subject) -> Done {
    subject.recv().await?;
    subject.send(b"the last").await?;
    subject.drop_everything();
    Ok(())
}

async fn say_three(peer: &mut Peer) {
    peer.pause().await;
    peer.say(TEXT, b"one").await;
    peer.pause().await;
    peer.say(BINARY, &[7; 100]).await;
    peer.pause().await;
    peer.say(TEXT, b"").await;
    peer.pause().await;
}

async fn say_all(mut peer: Peer) {
    say_three(&mut peer).await;
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}

async fn talk(mut peer: Peer) {
    say_three(&mut peer).await;
    peer.see_out().await;
}

async fn say_slowly(mut peer: Peer) {
    peer.say_slowly(TEXT, b"slowly").await;
    peer.say_slowly(BINARY, b"and more").await;
    peer.say_slowly(CLOSE, NORMAL).await;
    peer.see_out().await;
}

async fn say_parts(mut peer: Peer) {
    peer.say_part(BINARY, &[1; 50]).await;
    peer.pause().await;
    peer.say_part(MORE, &[2; 20]).await;
    peer.say(PING, b"still there?").await;
    peer.pause().await;
    peer.say(MORE, &[3; 70]).await;
    peer.pause().await;
    peer.say(TEXT, b"whole").await;
    peer.pause().await;
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}

async fn flood(mut peer: Peer) {
    for number in 0..6 {
        peer.say(BINARY, &[number; 60]).await;
        peer.say(PING, &[number]).await;
    }
    for _ in 0..6 {
        peer.hear_message().await;
    }
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}

async fn end_inside(mut peer: Peer) {
    peer.say(TEXT, b"whole").await;
    peer.pause().await;
    peer.say_part(TEXT, b"part").await;
    peer.pause().await;
    peer.say_beginning(MORE, b"the rest", 5).await;
}

async fn violate(mut peer: Peer) {
    peer.pause().await;
    peer.say(TEXT, b"good").await;
    peer.pause().await;
    peer.say(RESERVED, b"bad").await;
    peer.say(TEXT, b"not to be parsed").await;
    peer.see_out().await;
}

async fn be_quiet(mut peer: Peer) {
    for _ in 0..3 {
        if let Some((PING, payload)) = peer.hear().await {
            peer.say(crate::peers::PONG, &payload).await;
        }
    }
    peer.say(TEXT, b"good night").await;
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}
