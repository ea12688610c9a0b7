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

/// The same of at most so many characters, with a sign where there are more.
pub(crate) fn beginning(received: &str, characters: usize) -> String {
    match received.char_indices().nth(characters) {
        None => text(received),
        Some((end, _)) => text(&received[..end]) + "…",
    }
}

/// Control characters, separators of lines, marks that change the direction of writing, and those that are invisible.
///
/// Four invisible ones stay, because what people write needs them: U+200C and U+200D between letters or emoji, and
/// U+FE0E and U+FE0F behind an emoji.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'
                | '\u{200E}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0D}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{13430}'..='\u{1343F}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D159}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
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
    fn what_cannot_be_seen_is_escaped() {
        let ranges = [
            '\u{34F}'..='\u{34F}',
            '\u{115F}'..='\u{1160}',
            '\u{17B4}'..='\u{17B5}',
            '\u{180B}'..='\u{180F}',
            '\u{200B}'..='\u{200B}',
            '\u{2060}'..='\u{206F}',
            '\u{2800}'..='\u{2800}',
            '\u{3164}'..='\u{3164}',
            '\u{FE00}'..='\u{FE0D}',
            '\u{FFA0}'..='\u{FFA0}',
            '\u{FFF0}'..='\u{FFFB}',
            '\u{1BCA0}'..='\u{1BCA3}',
            '\u{1D173}'..='\u{1D17A}',
            '\u{E0000}'..='\u{E007F}',
            '\u{E0100}'..='\u{E01EF}',
        ];
        for invisible in ranges.into_iter().flatten() {
            assert_eq!(text(&invisible.to_string()), format!("\\u{{{:x}}}", u32::from(invisible)));
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_before_it_is_escaped() {
        assert_eq!(beginning("é\n漢", 3), r"é\n漢");
        assert_eq!(beginning("é\n漢", 2), r"é\n…");
        assert_eq!(beginning("", 0), "");
    }

    #[test]
    fn all_other_text_stays() {
        let kept = r#"{"a": "b\n"} e´é 'ж' 漢字 👩‍👩‍👧 ❤️ ⠁"#;
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
