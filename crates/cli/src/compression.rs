//! What `--deflate` means.

use adieu_tokio::Deflate;

/// Reads `BYTES` and parameters of RFC 7692 behind it, all of which may be left out: `0; server_max_window_bits=9`.
pub(crate) fn parse(text: &str) -> Result<Deflate, String> {
    let mut deflate = Deflate::default();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("server_no_context_takeover", None) => deflate.server_no_context_takeover = true,
            ("client_no_context_takeover", None) => deflate.client_no_context_takeover = true,
            ("server_max_window_bits", Some(value)) => deflate.server_max_window_bits = bits(value)?,
            ("client_max_window_bits", Some(value)) => deflate.client_max_window_bits = bits(value)?,
            (threshold, None) => {
                let threshold = threshold.parse();
                deflate.threshold =
                    threshold.map_err(|_| format!("{part:?} is neither a length nor a parameter"))?;
            }
            (_, Some(_)) => return Err(format!("{name:?} is no parameter that has a value")),
        }
    }
    Ok(deflate)
}

fn bits(value: &str) -> Result<u8, String> {
    let bits = value.parse().ok().filter(|bits| (9..=15).contains(bits));
    bits.ok_or_else(|| format!("a window is of 9 to 15 bits, and not of {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_parameters_may_be_given_or_left_out() {
        assert_eq!(parse(""), Ok(Deflate::default()));
        let mut deflate = Deflate::default();
        deflate.threshold = 0;
        assert_eq!(parse("0"), Ok(deflate.clone()));
        deflate.server_no_context_takeover = true;
        deflate.client_max_window_bits = 9;
        assert_eq!(parse("0; server_no_context_takeover ;client_max_window_bits=9"), Ok(deflate));
    }

    #[test]
    fn what_cannot_be_is_said() {
        for text in
            ["-1", "x", "server_no_context_takeover=1", "server_max_window_bits", "server_max_window_bits=8"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
