//! Text from strangers, made safe to print.

use std::fmt::Write;

/// So many bytes of a binary message are shown.
const SHOWN_BYTES: usize = 32;

/// A received text as one line: characters that steer a terminal or reorder what is read are escaped, all others stay
/// as they are, backslashes and quotes too.
pub(crate) fn text(received: &str) -> String {
    let mut line = String::with_capacity(received.len());
    for character in received.chars() {
        if steers(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Control characters, separators of lines, marks that change the direction of writing, and those that are invisible.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{61C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
        )
}

/// A received binary message as one line: its length, and the first bytes in hexadecimal.
pub(crate) fn binary(received: &[u8]) -> String {
    let mut line = match received.len() {
        1 => "1 byte:".to_owned(),
        len => format!("{len} bytes:"),
    };
    for byte in received.iter().take(SHOWN_BYTES) {
        let _ = write!(line, " {byte:02x}");
    }
    if received.len() > SHOWN_BYTES {
        line.push_str(" …");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(text("a\x1b[2Jb\r\nc\td\x7f\u{9b}"), r"a\u{1b}[2Jb\r\nc\td\u{7f}\u{9b}");
    }

    #[test]
    fn what_reorders_or_hides_text_is_escaped() {
        assert_eq!(text("a\u{202E}b\u{2028}c\u{FEFF}"), r"a\u{202e}b\u{2028}c\u{feff}");
    }

    #[test]
    fn all_other_text_stays() {
        let kept = r#"{"a": "b\n"} e´é 'ж' 漢字 👩‍👩‍👧"#;
        assert_eq!(text(kept), kept);
    }

    #[test]
    fn binary_shows_its_length_and_beginning() {
        assert_eq!(binary(&[]), "0 bytes:");
        assert_eq!(binary(&[0xA]), "1 byte: 0a");
        assert_eq!(binary(&[0; 32]), format!("32 bytes:{}", " 00".repeat(32)));
        assert_eq!(binary(&[255; 33]), format!("33 bytes:{} …", " ff".repeat(32)));
    }
}
