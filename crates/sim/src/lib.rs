//! A simulated network for [`adieu_core::Connection`]: seeded, in virtual time, with a trace that can be read, drawn and replayed.
//!
//! There is no socket, clock or thread in here. A test of minutes takes microseconds, and a run that fails fails again with the
//! same seed. This is the whole test of a chat, over ten rough networks:
//!
//! ```
//! use adieu_core::{Event, Role};
//! use adieu_sim::trace::Call;
//! use adieu_sim::{Collect, Network, Plan, Port, Script, Setup};
//! use std::time::Duration;
//!
//! /// The application under test: it greets, and says everything again.
//! fn chat(port: &mut Port<'_>, event: Event<'static>) {
//!     match event {
//!         Event::Request(_) => {
//!             port.accept(None).unwrap();
//!             port.send("Welcome").unwrap();
//!         }
//!         Event::Message(message) => drop(port.send(message).unwrap()),
//!         _ => {}
//!     }
//! }
//!
//! for seed in 0..10 {
//!     let talk = Script::new().after(1, Call::text("Hello")).after(3, Call::close(1000, "bye"));
//!     let trace = Network::new(seed)
//!         .plan(Plan { faults: vec![], ..Plan::rough(seed) })
//!         .endpoint(Setup::client(), (Collect, talk))
//!         .endpoint(Setup::server(), chat)
//!         .run(Duration::from_secs(60));
//!     assert_eq!(trace.texts(Role::Client), ["Welcome", "Hello"], "seed {seed}\n{}", trace.story());
//!     assert!(trace.verdict(Role::Server).is_some_and(|verdict| verdict.clean));
//! }
//! ```
//!
//! - [`Network`] joins two sides: an endpoint with an [`Application`], or a raw peer with a script of [`Step`]s.
//! - [`Plan`] says how the network behaves: delays, cuts, buffers and [`Fault`]s. Its ends are those of TCP: data before an end arrives
//!   before it, a reset takes what waits with it or does not, a close with unread input is a reset.
//! - [`Trace`] is what happened. [`Trace::story`] tells it in words, [`Trace::svg`] draws it, its `Display` and `FromStr` keep it in a file.
//! - [`replay`] gives a fresh connection what an endpoint of a trace was given, and says where it differs first, be it only in the deadline
//!   that it asks for: a trace of today is a regression test of tomorrow.
//! - [`Endpoint`] is the driver alone, over any [`Wire`]: it records a real connection as the simulator records its own.
//! - `strategy` (with the feature `proptest`) makes streams of frames, right and wrong, compressed or not, calls and networks.
//!
//! The driver in here obeys `docs/writing-a-driver.md` and is no more than that: it knows no state, no deadline and no frame.

mod application;
mod dice;
mod endpoint;
mod inflate;
mod line;
mod network;
mod peer;
mod plan;
mod replay;
mod setup;
mod story;
#[cfg(feature = "proptest")]
pub mod strategy;
mod svg;
mod text;
pub mod trace;
mod traced;
pub mod wire;

pub use application::{Application, Collect, Echo, Port, Script};
pub use dice::Dice;
pub use endpoint::{Endpoint, Read, Wire};
pub use network::Network;
pub use peer::Step;
pub use plan::{Cuts, Fault, Harm, Plan, When};
pub use replay::{Difference, replay};
pub use setup::Setup;
pub use trace::Trace;
pub use traced::Traced;
