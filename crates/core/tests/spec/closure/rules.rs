//! Rules that hold on every edge.

use adieu_core::lifecycle::{Action, Input, Phase};
use adieu_core::{Role, State, Transport};

use super::graph::{BIRTH, Edge, Ours, is_closed, on_every, rank};
use super::unasked::is_parsed;

#[test]
fn a_second_close_is_never_queued() {
    let queues = |edge: &Edge| matches!(edge.row.1, Action::QueueClose | Action::QueueEcho);
    on_every("one Close", queues, |edge| edge.from.monitor.ours == Ours::None);
}

#[test]
fn an_echo_is_queued_for_a_close_that_was_parsed() {
    on_every("echo", |edge| edge.row.1 == Action::QueueEcho, |edge| edge.to.monitor.theirs);
}

#[test]
fn the_verdict_is_decided_once_and_only_on_entering_closed() {
    on_every("once", |edge| edge.row.1 == Action::Decide, |edge| !edge.from.monitor.decided);
    on_every("enters", |edge| edge.row.1 == Action::Decide, |edge| !is_closed(edge.from));
    on_every("decided is CLOSED", |_| true, |edge| edge.to.monitor.decided == is_closed(edge.to));
}

#[test]
fn there_is_no_way_out_of_closed() {
    let from_closed = |edge: &Edge| is_closed(edge.from);
    on_every("CLOSED stays", from_closed, |edge| is_closed(edge.to));
    let harmless = [Action::Ignore, Action::HandBack, Action::Discard, Action::Move];
    on_every("only the transport moves", from_closed, |edge| harmless.contains(&edge.row.1));
}

#[test]
fn states_and_transport_levels_never_go_back() {
    on_every("state", |_| true, |edge| rank(edge.to.phase.state()) >= rank(edge.from.phase.state()));
    on_every("transport", |_| true, |edge| edge.to.phase.transport() >= edge.from.phase.transport());
}

#[test]
fn messages_are_taken_exactly_in_open_without_a_close_of_ours() {
    on_every(
        "Queue",
        |edge| edge.row.1 == Action::Queue,
        |edge| edge.from.phase.state() == State::Open && edge.from.monitor.ours == Ours::None,
    );
    on_every(
        "Send",
        |edge| edge.input == Input::Send,
        |edge| (edge.row.1 == Action::Queue) == (edge.from.phase.state() == State::Open),
    );
}

#[test]
fn a_ping_of_ours_is_taken_only_before_every_close() {
    on_every(
        "SendPing",
        |edge| edge.input == Input::SendPing && edge.row.1 == Action::Queue,
        |edge| edge.from.monitor == BIRTH.monitor && edge.from.phase.state() == State::Open,
    );
}

#[test]
fn what_the_application_wants_is_taken_or_handed_back_and_never_swallowed() {
    on_every(
        "send",
        |edge| matches!(edge.input, Input::Send | Input::SendPing),
        |edge| matches!(edge.row.1, Action::Queue | Action::HandBack) && edge.to.phase == edge.from.phase,
    );
    let answers = [Action::QueueClose, Action::QueueRefusal, Action::Decide, Action::HandBack];
    on_every(
        "close, fail",
        |edge| matches!(edge.input, Input::Close | Input::Fail),
        |edge| answers.contains(&edge.row.1),
    );
}

#[test]
fn a_ping_is_answered_until_the_peers_close_a_failure_or_the_verdict() {
    let is_ping = |edge: &Edge| edge.input == Input::PeerPing;
    on_every(
        "Pong",
        |edge| edge.row.1 == Action::Pong,
        |edge| {
            edge.input == Input::PeerPing
                && !edge.from.monitor.theirs
                && !edge.from.monitor.shut
                && !is_closed(edge.from)
        },
    );
    // Where writing has failed there is nothing to answer with.
    let could = |edge: &Edge| {
        is_ping(edge)
            && is_parsed(edge.role, edge.from.phase)
            && !edge.from.monitor.theirs
            && !edge.from.monitor.mute
            && !is_closed(edge.from)
    };
    on_every("Ping", could, |edge| edge.row.1 == Action::Pong);
}

#[test]
fn data_is_delivered_exactly_where_it_is_parsed_and_never_from_behind_the_peers_close() {
    let is_data = |edge: &Edge| edge.input == Input::PeerData;
    let parsing = [Phase::Open, Phase::CloseQueued, Phase::CloseSent, Phase::Severed];
    on_every("parsed", is_data, |edge| (edge.row.1 == Action::Deliver) == parsing.contains(&edge.from.phase));
    on_every(
        "Deliver",
        |edge| edge.row.1 == Action::Deliver,
        |edge| !edge.from.monitor.theirs && !edge.from.monitor.shut && !is_closed(edge.from),
    );
}

#[test]
fn nothing_is_queued_after_writing_has_failed() {
    on_every(
        "mute",
        |edge| edge.from.monitor.mute,
        |edge| !matches!(edge.row.1, Action::Queue | Action::QueueClose | Action::QueueEcho),
    );
}

#[test]
fn closing_begins_with_a_close_of_ours_or_the_loss_of_writing() {
    let enters =
        |edge: &Edge| edge.from.phase.state() == State::Open && edge.to.phase.state() == State::Closing;
    on_every("CLOSING", enters, |edge| edge.to.monitor.ours == Ours::Queued || edge.to.monitor.mute);
    let in_closing = |edge: &Edge| edge.to.phase.state() == State::Closing && !edge.to.monitor.mute;
    on_every("our Close", in_closing, |edge| edge.to.monitor.ours != Ours::None);
}

#[test]
fn the_farewell_is_the_roles_and_comes_only_after_our_close_or_a_refusal() {
    let farewell = |phase: Phase| matches!(phase, Phase::Draining | Phase::AwaitingEnd);
    let enters = |edge: &Edge| farewell(edge.to.phase) && !farewell(edge.from.phase);
    on_every("role", enters, |edge| (edge.to.phase == Phase::Draining) == (edge.role == Role::Server));
    on_every("flushed", enters, |edge| {
        edge.to.monitor.ours == Ours::Sent || matches!(edge.from.phase, Phase::Refusing)
    });
}

#[test]
fn an_abort_resets_whatever_is_not_done() {
    let aborts = |edge: &Edge| edge.input == Input::Abort && edge.from.phase != Phase::Done;
    on_every("abort", aborts, |edge| edge.to.phase.transport() == Transport::Reset);
}

#[test]
fn an_end_or_a_reset_after_the_verdict_is_the_end_of_the_transport() {
    let ends = |edge: &Edge| is_closed(edge.from) && matches!(edge.input, Input::End | Input::Reset);
    on_every("end", ends, |edge| edge.to.phase.transport() >= Transport::Close);
}

#[test]
fn a_reset_decides_whatever_is_not_decided() {
    on_every("reset", |edge| edge.input == Input::Reset, |edge| is_closed(edge.to));
}

#[test]
fn the_transport_is_in_use_until_the_verdict() {
    let in_use = |edge: &Edge| edge.to.phase.transport() == Transport::Open;
    on_every("in use", |edge| !is_closed(edge.to), in_use);
}

#[test]
fn an_end_behind_what_is_noted_changes_nothing() {
    let noted = |edge: &Edge| matches!(edge.from.phase, Phase::CloseNoted | Phase::FaultNoted);
    on_every("end", |edge| noted(edge) && edge.input == Input::End, |edge| edge.to.phase == edge.from.phase);
}

#[test]
fn a_write_error_before_every_end_ends_sending_only() {
    let reads = |edge: &Edge| {
        edge.input == Input::WriteError
            && is_parsed(edge.role, edge.from.phase)
            && edge.from.monitor.ours != Ours::Sent
    };
    on_every("reading", reads, |edge| is_parsed(edge.role, edge.to.phase) && !is_closed(edge.to));
}
