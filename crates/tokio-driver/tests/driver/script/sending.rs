//! Scripts that are about sending, and about ends that come from the application.

use std::time::Duration;

use adieu_tokio::{Close, Config};

use super::peer::Peer;
use super::subject::{Ended, How, Subject};
use super::{Script, Start};
use crate::peers::{BINARY, CLOSE, NORMAL, TEXT};

type Done = Result<(), Ended>;

pub(crate) fn scripts() -> Vec<Script> {
    let plain = Script {
        name: "a full queue",
        start: Start::Open,
        len: 16,
        config: |config| (config.send_high, config.send_low) = (64, 32),
        body: |subject| Box::pin(send_many(subject)),
        peer: |peer| Box::pin(listen(peer)),
        joined: false,
        races: false,
    };
    let long = Script { config: |_| {}, ..plain };
    let compressing = Script { config: compress, ..plain };
    vec![
        plain,
        Script { name: "fragments", body: |subject| Box::pin(send_fragments(subject)), ..plain },
        Script { name: "prepared", body: |subject| Box::pin(send_prepared(subject)), ..compressing },
        Script { name: "uncompressed", body: |subject| Box::pin(send_uncompressed(subject)), ..compressing },
        Script {
            name: "uncompressed fragments",
            body: |subject| Box::pin(send_uncompressed_fragments(subject)),
            ..compressing
        },
        Script { name: "as a sink", body: |subject| Box::pin(feed_and_flush(subject)), ..plain },
        Script { name: "as a full sink", body: |subject| Box::pin(feed_many(subject)), ..plain },
        Script { name: "pings as barriers", body: |subject| Box::pin(ping_twice(subject)), ..long },
        Script { name: "a Close behind a queue", body: |subject| Box::pin(close_behind(subject)), ..long },
        Script {
            name: "the peer talks on",
            body: |subject| Box::pin(close_first(subject)),
            peer: |peer| Box::pin(talk_on(peer)),
            ..long
        },
        Script {
            name: "the peer closes while a send waits",
            body: |subject| Box::pin(send_for_ever(subject)),
            peer: |peer| Box::pin(close_unheard(peer)),
            races: true,
            ..plain
        },
        Script { name: "failing", body: |subject| Box::pin(fail(subject)), peer: chatter, ..long },
        Script {
            name: "aborting",
            body: |subject| Box::pin(abort(subject)),
            peer: chatter,
            races: true,
            ..long
        },
        Script {
            name: "no answer to a Close",
            body: |subject| Box::pin(close_first(subject)),
            peer: |peer| Box::pin(peer.keep_silent()),
            ..long
        },
        Script {
            name: "a peer that stops reading",
            body: |subject| Box::pin(send_for_ever(subject)),
            peer: |peer| Box::pin(stall(peer)),
            ..plain
        },
        Script {
            name: "a cut message",
            body: |subject| Box::pin(cut(subject)),
            peer: |peer| Box::pin(close_after_one(peer)),
            races: true,
            ..long
        },
    ]
}

/// Everything is compressed that is not sent otherwise.
fn compress(config: &mut Config) {
    (config.send_high, config.send_low) = (64, 32);
    #[cfg(feature = "deflate")]
    {
        let mut deflate = adieu_tokio::Deflate::default();
        deflate.threshold = 0;
        config.deflate = Some(deflate);
    }
}

fn chatter(peer: Peer) -> super::BoxedPeer {
    Box::pin(chat(peer))
}

async fn send_many(subject: &mut Subject) -> Done {
    for number in 0..8 {
        subject.send(&[number; 40]).await?;
    }
    subject.close(1000).await
}

async fn send_for_ever(subject: &mut Subject) -> Done {
    loop {
        subject.send(&[b'x'; 40]).await?;
    }
}

async fn send_fragments(subject: &mut Subject) -> Done {
    for part in 0..6 {
        subject.send_as(How::Part(part == 5), &[part; 30]).await?;
    }
    subject.send(b"whole").await?;
    subject.close(1000).await
}

async fn send_prepared(subject: &mut Subject) -> Done {
    for number in 0..6 {
        subject.send_as(How::Prepared, &[number; 40]).await?;
    }
    subject.close(1000).await
}

async fn send_uncompressed(subject: &mut Subject) -> Done {
    for number in 0..6 {
        subject.send_as(How::Uncompressed, &[number; 40]).await?;
    }
    subject.close(1000).await
}

async fn send_uncompressed_fragments(subject: &mut Subject) -> Done {
    for part in 0..4 {
        subject.send_as(How::UncompressedPart(part == 3), &[part; 30]).await?;
    }
    subject.send_as(How::Uncompressed, b"whole").await?;
    subject.close(1000).await
}

async fn feed_and_flush(subject: &mut Subject) -> Done {
    for number in 0..3 {
        subject.feed(&[number; 30]).await?;
        subject.flush().await?;
    }
    subject.close_sink().await
}

async fn feed_many(subject: &mut Subject) -> Done {
    for number in 0..6 {
        subject.feed(&[number; 50]).await?;
    }
    subject.flush().await?;
    subject.close_sink().await
}

async fn ping_twice(subject: &mut Subject) -> Done {
    for _ in 0..2 {
        subject.send(b"before").await?;
        subject.ping().await?;
    }
    subject.close(1000).await
}

async fn close_behind(subject: &mut Subject) -> Done {
    for number in 0..3 {
        subject.send(&[number; 100]).await?;
    }
    subject.close(4000).await
}

async fn close_first(subject: &mut Subject) -> Done {
    subject.send(b"that is all").await?;
    subject.close(1000).await
}

async fn fail(subject: &mut Subject) -> Done {
    subject.recv().await?;
    subject.send(b"a reply").await?;
    let _already = subject.sender().fail(Close::new(4001, "enough").expect("a good Close"));
    subject.closed().await;
    Ok(())
}

async fn abort(subject: &mut Subject) -> Done {
    subject.recv().await?;
    subject.send(b"a reply").await?;
    subject.recv().await?;
    subject.send(&[b'y'; 100]).await?;
    subject.sender().abort();
    subject.closed().await;
    Ok(())
}

async fn cut(subject: &mut Subject) -> Done {
    subject.send(b"whole").await?;
    subject.send_as(How::Part(false), &[b'z'; 30]).await?;
    subject.recv().await?;
    subject.send_as(How::Part(false), &[b'z'; 30]).await?;
    Ok(())
}

async fn listen(peer: Peer) {
    peer.pause().await;
    peer.see_out().await;
}

async fn talk_on(mut peer: Peer) {
    peer.hear().await;
    peer.hear().await;
    peer.say(TEXT, b"by the way").await;
    peer.pause().await;
    peer.say(BINARY, &[9; 40]).await;
    peer.pause().await;
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}

async fn close_unheard(mut peer: Peer) {
    peer.pause().await;
    peer.say(CLOSE, NORMAL).await;
    peer.pause().await;
    peer.see_out().await;
}

async fn close_after_one(mut peer: Peer) {
    peer.hear().await;
    peer.pause().await;
    peer.say(CLOSE, NORMAL).await;
    peer.see_out().await;
}

async fn chat(mut peer: Peer) {
    peer.pause().await;
    peer.say(TEXT, b"hello").await;
    peer.hear_message().await;
    peer.pause().await;
    peer.say(TEXT, b"and so on").await;
    peer.see_out().await;
}

async fn stall(peer: Peer) {
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    peer.keep_silent().await;
}
