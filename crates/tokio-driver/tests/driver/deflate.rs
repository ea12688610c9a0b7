//! permessage-deflate from end to end. What it means on the wire is the core's, and tested there.

use std::sync::Arc;

use adieu_tokio::deflate::choose;
use adieu_tokio::{Connect, Deflate, Message, OriginPolicy, Role, ServerConfig, accept, open_agreed};

use crate::peers::{config, echo, soon};

fn compressing() -> adieu_tokio::Config {
    let mut config = Arc::unwrap_or_clone(config(|_| {}));
    let mut deflate = Deflate::default();
    deflate.threshold = 0;
    config.deflate = Some(deflate);
    config
}

#[tokio::test]
async fn messages_come_back_compressed_or_not_and_in_fragments() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let config = ServerConfig::new(OriginPolicy::Any).with(compressing());
        echo(accept(stream, Arc::new(config)).await.expect("a handshake")).await
    });
    let connect = Connect::new(&url).expect("a URL").config(Arc::new(compressing()));
    let mut client = soon(connect.open()).await.expect("a connection");
    let answer = client.response().and_then(|response| response.headers.get("sec-websocket-extensions"));
    assert_eq!(answer, Some(&b"permessage-deflate"[..]));
    for text in ["", "short", &"long ".repeat(50_000)] {
        client.send(text).await.expect("sent");
        client.send_uncompressed(text).await.expect("sent");
        for _ in 0..2 {
            assert_eq!(soon(client.recv()).await.expect("a message"), Message::from(text));
        }
    }
    client.send_fragment("one ", false).await.expect("sent");
    client.send_fragment("two", true).await.expect("sent");
    client.send_fragment_uncompressed("three ", false).await.expect("sent");
    client.send_fragment_uncompressed("four", true).await.expect("sent");
    for text in ["one two", "three four"] {
        assert_eq!(soon(client.recv()).await.expect("a message"), Message::from(text));
    }
    assert!(soon(client.close(1000, "")).await.expect("closed").clean);
    assert!(soon(server).await.expect("no panic").clean);
}

#[tokio::test]
async fn what_upgraded_the_stream_may_have_agreed() {
    let config = Arc::new(compressing());
    let own = config.deflate.clone().expect("a configuration");
    let agreed = choose(&own, &[b"other", b"permessage-deflate; client_max_window_bits=10"]);
    let text = agreed.map(|agreed| agreed.to_string());
    assert_eq!(text.as_deref(), Some("permessage-deflate; client_max_window_bits=10"));
    let (near, far) = tokio::io::duplex(10_000);
    let (client, driver) = open_agreed(Role::Client, near, Arc::clone(&config), agreed, &mut []);
    tokio::spawn(driver);
    let (mut server, driver) = open_agreed(Role::Server, far, config, agreed, &mut []);
    tokio::spawn(driver);
    let text = "again and again ".repeat(50_000);
    let sending = tokio::spawn({
        let text = text.clone();
        async move { client.send(text).await.map(|_| client) }
    });
    assert_eq!(soon(server.recv()).await.expect("a message"), Message::from(text));
    soon(sending).await.expect("no panic").expect("sent");
}
