//! Masking (RFC 6455 §5.3): the same operation masks and unmasks.

/// XORs `payload` with `key`, from the key's first byte on. What follows `len` bytes is masked with `key.rotate_left(len % 4)`.
pub fn mask(key: [u8; 4], payload: &mut [u8]) {
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (lanes, rest) = payload.as_chunks_mut::<8>();
    for lane in lanes {
        *lane = (u64::from_ne_bytes(*lane) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}
