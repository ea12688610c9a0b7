//! Where a loop keeps its sockets.
//!
//! Owns: places, each used again when its socket is gone, and keys that are never valid twice. Must not know: what a socket does.

use adieu_core::Instant;
use mio::Token;
use mio::net::TcpStream;

use crate::socket::Socket;

/// Names a connection of a loop, as long as it is there and never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// Its place, for a poll.
    pub(crate) const fn token(self) -> Token {
        Token(self.index as usize)
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) socket: Socket<TcpStream>,
    /// When the timers wake it; they know no more of it.
    pub(crate) armed: Option<Instant>,
    /// In which round the stream was looked at last.
    pub(crate) looked: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Slab {
    places: Vec<(u32, Option<Slot>)>,
    free: Vec<u32>,
}

impl Slab {
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, socket: Socket<TcpStream>) -> Key {
        let slot = Some(Slot { socket, armed: None, looked: 0 });
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            (self.places.len() - 1) as u32
        });
        let (generation, place) = &mut self.places[index as usize];
        *place = slot;
        Key { index, generation: *generation }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Slot> {
        let (generation, slot) = self.places.get(key.index as usize)?;
        slot.as_ref().filter(|_| *generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Slot> {
        let (generation, slot) = self.places.get_mut(key.index as usize)?;
        slot.as_mut().filter(|_| *generation == key.generation)
    }

    /// What is at the place that a poll speaks of.
    pub(crate) fn at(&mut self, Token(index): Token) -> Option<(Key, &mut Slot)> {
        let (generation, slot) = self.places.get_mut(index)?;
        Some((Key { index: index as u32, generation: *generation }, slot.as_mut()?))
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Slot> {
        self.get(key)?;
        let (generation, slot) = &mut self.places[key.index as usize];
        *generation = generation.wrapping_add(1);
        self.free.push(key.index);
        slot.take()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let key = |(index, (generation, slot)): (usize, &(u32, Option<Slot>))| {
            slot.as_ref().map(|_| Key { index: index as u32, generation: *generation })
        };
        self.places.iter().enumerate().filter_map(key)
    }
}
