//! Ends that several threads bring about, or wait for.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use adieu_core::{Cause, Close, Timeout};
use shuttle::future::block_on;
use shuttle::thread::spawn;

use crate::checker::check;
use crate::clock;
use crate::error::PingFailed;
use crate::pipe::{CLOSE, TEXT};
use crate::sending::{NORMAL, connection, join};

/// A receive that is dropped in one thread leaves the message, and the waiting, to another.
fn a_dropped_receive() {
    let (mut socket, driver, far) = connection(|_| {});
    let driver = spawn(move || block_on(driver));
    let peer = spawn(move || {
        far.say(TEXT, b"one");
        far.say(TEXT, b"two");
        far.say(CLOSE, NORMAL);
        far.see_out()
    });
    let first = spawn(move || {
        let mut received = Vec::new();
        for _ in 0..2 {
            // This waker wakes nobody.
            let polled = pin!(socket.recv()).poll(&mut Context::from_waker(Waker::noop()));
            if let std::task::Poll::Ready(Ok(message)) = polled {
                received.push(message.as_bytes().to_vec());
            }
            shuttle::thread::yield_now();
        }
        (socket, received)
    });
    let (mut socket, mut received) = join(first);
    let second = spawn(move || {
        while let Ok(message) = block_on(socket.recv()) {
            received.push(message.as_bytes().to_vec());
        }
        received
    });
    assert_eq!(join(second), [b"one", b"two"]);
    join(peer);
    join(driver);
}

#[test]
fn s7_a_receive_that_is_dropped_takes_no_wake_up_with_it() {
    check("a dropped receive", a_dropped_receive);
}

/// Handles that are dropped at the same time close once.
fn the_last_handles() {
    let (socket, driver, far) = connection(|_| {});
    let driver = spawn(move || block_on(driver));
    let senders: Vec<_> = (0..2)
        .map(|number| {
            let sender = socket.sender();
            spawn(move || {
                block_on(sender.send(vec![number])).expect("sent");
                drop(sender);
            })
        })
        .collect();
    let receiver = spawn(move || drop(socket));
    let peer = spawn(move || far.see_out());
    senders.into_iter().for_each(join);
    join(receiver);
    let (mut messages, close) = join(peer);
    messages.sort();
    assert_eq!(messages, [[0], [1]]);
    assert_eq!(close.as_deref(), Some(&[3, 233][..]));
    join(driver);
}

#[test]
fn b19_the_last_of_several_handles_closes_once() {
    check("the last handles", the_last_handles);
}

/// Whoever waits is told that the driver was dropped.
fn a_dropped_driver() {
    let (mut socket, mut driver, far) = connection(|_| {});
    let [flooding, pinging, waiting] = [(); 3].map(|()| socket.sender());
    let flooding = spawn(move || {
        // The peer reads nothing: in the end there is no room.
        while block_on(flooding.send(&[7; 30][..])).is_ok() {}
        flooding.verdict().expect("decided")
    });
    let pinging = spawn(move || match block_on(pinging.ping()) {
        Err(PingFailed::Closed(verdict)) => verdict,
        other => {
            assert!(other.is_err());
            pinging.verdict().expect("decided")
        }
    });
    let waiting = spawn(move || block_on(waiting.closed()));
    let receiving = spawn(move || block_on(socket.recv()).expect_err("nothing to receive"));
    let driver = spawn(move || {
        let _pending = pin!(&mut driver).poll(&mut Context::from_waker(Waker::noop()));
        shuttle::thread::yield_now();
        drop(driver);
    });
    for thread in [flooding, pinging, waiting, receiving] {
        assert_eq!(join(thread).cause, Cause::Aborted);
    }
    join(driver);
    far.see_out();
}

#[test]
fn s8_all_who_wait_are_told_when_the_driver_is_dropped() {
    check("a dropped driver", a_dropped_driver);
}

/// A deadline that another thread brought about is minded by the driver.
fn a_deadline_from_elsewhere() {
    let (socket, driver, far) = connection(|_| {});
    let driver = spawn(move || block_on(driver));
    let sender = socket.sender();
    let closer = spawn(move || sender.start_close(Close::EMPTY).expect("it closes first"));
    let waiting = spawn(move || block_on(socket.closed()));
    let peer = spawn(move || {
        assert_eq!(far.hear(), Some((CLOSE, Vec::new())));
        // It does not answer.
        far.hear()
    });
    let timeout = adieu_core::Config::default().close_timeout;
    let clock = spawn(move || block_on(clock::ring(timeout + Duration::from_millis(1))));
    join(closer);
    let verdict = join(waiting);
    assert_eq!(verdict.cause, Cause::Timeout(Timeout::Close), "{verdict}");
    join(clock);
    assert_eq!(join(peer), None);
    join(driver);
}

#[test]
fn b5_a_deadline_that_another_thread_brought_about_is_minded() {
    check("a deadline from elsewhere", a_deadline_from_elsewhere);
}
