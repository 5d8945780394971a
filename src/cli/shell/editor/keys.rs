//! Bytes of a terminal in, keys out.
//!
//! A terminal sends most keys as one byte or a UTF-8 character, and the rest as sequences that begin with Escape:
//! `ESC [ A` is the arrow up, `ESC [ 1 ; 5 C` Ctrl and the arrow right, `ESC b` Alt and b. What is pasted comes between
//! `ESC [ 200 ~` and `ESC [ 201 ~`, so that its line ends are not taken for Enter.

use std::io;

/// A key, by what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Paste(String),
    Enter,
    /// Alt and Enter: a new line, whatever the text.
    NewLine,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    Previous,
    Next,
    KillToEnd,
    KillToStart,
    KillWordLeft,
    KillWordRight,
    Yank,
    ClearScreen,
    Search,
    /// Ctrl-G
    Abort,
    /// Ctrl-C
    Interrupt,
    /// Ctrl-D: delete, or the end of the input on an empty line
    End,
    /// The terminal is gone.
    Closed,
    /// A sequence that means nothing here.
    Unknown,
}

/// Reads one key; `next` gives bytes, and nothing at the end.
pub(super) fn read(next: &mut dyn FnMut() -> io::Result<Option<u8>>) -> io::Result<Key> {
    let Some(byte) = next()? else { return Ok(Key::Closed) };
    Ok(match byte {
        0x01 => Key::LineStart,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::End,
        0x05 => Key::LineEnd,
        0x06 => Key::Right,
        0x07 => Key::Abort,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' | b'\r' => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c => Key::ClearScreen,
        0x0e => Key::Next,
        0x10 => Key::Previous,
        0x12 => Key::Search,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWordLeft,
        0x19 => Key::Yank,
        0x1b => escape(next)?,
        byte if byte < 0x20 => Key::Unknown,
        byte => character(byte, next)?.map_or(Key::Unknown, Key::Char),
    })
}

fn character(first: u8, next: &mut dyn FnMut() -> io::Result<Option<u8>>) -> io::Result<Option<char>> {
    let length = match first {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return Ok(None),
    };
    let mut bytes = vec![first];
    while bytes.len() < length {
        let Some(byte) = next()? else { return Ok(None) };
        bytes.push(byte);
    }
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()))
}

fn escape(next: &mut dyn FnMut() -> io::Result<Option<u8>>) -> io::Result<Key> {
    Ok(match next()? {
        Some(b'[') => sequence(next)?,
        // The arrows of a terminal in application mode.
        Some(b'O') => match next()? {
            Some(letter) => arrow(letter, false),
            None => Key::Closed,
        },
        Some(b'b') => Key::WordLeft,
        Some(b'f') => Key::WordRight,
        Some(b'd') => Key::KillWordRight,
        Some(0x08 | 0x7f) => Key::KillWordLeft,
        Some(b'\r' | b'\n') => Key::NewLine,
        Some(_) => Key::Unknown,
        None => Key::Closed,
    })
}

/// What follows `ESC [`: numbers and semicolons, then one character that ends it.
fn sequence(next: &mut dyn FnMut() -> io::Result<Option<u8>>) -> io::Result<Key> {
    let mut parameters = String::new();
    loop {
        match next()? {
            None => return Ok(Key::Closed),
            Some(end @ 0x40..=0x7e) => {
                return match (end, parameters.as_str()) {
                    (b'~', "200") => paste(next),
                    (b'~', _) => Ok(tilde(&parameters)),
                    // The modifier is the second parameter: 5 is Ctrl, 3 is Alt.
                    _ => Ok(arrow(end, parameters.ends_with(";5") || parameters.ends_with(";3"))),
                };
            }
            Some(byte) => parameters.push(char::from(byte)),
        }
    }
}

fn arrow(letter: u8, is_word: bool) -> Key {
    match (letter, is_word) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', false) => Key::Right,
        (b'C', true) => Key::WordRight,
        (b'D', false) => Key::Left,
        (b'D', true) => Key::WordLeft,
        (b'H', _) => Key::LineStart,
        (b'F', _) => Key::LineEnd,
        _ => Key::Unknown,
    }
}

fn tilde(parameters: &str) -> Key {
    match parameters.split(';').next().unwrap_or_default() {
        "1" | "7" => Key::LineStart,
        "4" | "8" => Key::LineEnd,
        "3" if parameters.ends_with(";5") => Key::KillWordRight,
        "3" => Key::Delete,
        _ => Key::Unknown,
    }
}

/// The text to the mark that ends it, with line ends as `\n`.
fn paste(next: &mut dyn FnMut() -> io::Result<Option<u8>>) -> io::Result<Key> {
    const END: &[u8] = b"\x1b[201~";
    let mut bytes = Vec::new();
    while !bytes.ends_with(END) {
        match next()? {
            Some(byte) => bytes.push(byte),
            None => return Ok(Key::Closed),
        }
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len() - END.len()]).replace("\r\n", "\n").replace('\r', "\n");
    Ok(Key::Paste(text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Key]) {
        let mut bytes = bytes.iter().copied();
        let mut found = Vec::new();
        loop {
            match read(&mut || Ok(bytes.next())).expect("memory") {
                Key::Closed => break,
                key => found.push(key),
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn characters_of_one_to_four_bytes() {
        check(
            "aäß☃🦀 \u{7f}".as_bytes(),
            &['a', 'ä', 'ß', '☃', '🦀', ' '].map(Key::Char).into_iter().chain([Key::Backspace]).collect::<Vec<_>>(),
        );
        check(b"\xff\xfea", &[Key::Unknown, Key::Unknown, Key::Char('a')]);
        check(b"\xc3", &[Key::Unknown]);
    }

    #[test]
    fn control_keys() {
        check(
            b"\x01\x05\x03\x04\r\n\t",
            &[Key::LineStart, Key::LineEnd, Key::Interrupt, Key::End, Key::Enter, Key::Enter, Key::Tab],
        );
        check(
            b"\x0b\x15\x17\x19\x12\x07\x1f",
            &[Key::KillToEnd, Key::KillToStart, Key::KillWordLeft, Key::Yank, Key::Search, Key::Abort, Key::Unknown],
        );
    }

    #[test]
    fn sequences() {
        check(b"\x1b[A\x1b[B\x1b[C\x1b[D", &[Key::Up, Key::Down, Key::Right, Key::Left]);
        check(
            b"\x1bOA\x1bOH\x1b[H\x1b[F\x1b[1~\x1b[4~",
            &[Key::Up, Key::LineStart, Key::LineStart, Key::LineEnd, Key::LineStart, Key::LineEnd],
        );
        check(b"\x1b[3~\x1b[3;5~\x1b[1;5C\x1b[1;3D", &[Key::Delete, Key::KillWordRight, Key::WordRight, Key::WordLeft]);
        check(
            b"\x1bb\x1bf\x1bd\x1b\x7f\x1b\r",
            &[Key::WordLeft, Key::WordRight, Key::KillWordRight, Key::KillWordLeft, Key::NewLine],
        );
        check(b"\x1b[15~x\x1b[99;1;2Zy", &[Key::Unknown, Key::Char('x'), Key::Unknown, Key::Char('y')]);
        check(b"\x1b[1;", &[]);
    }

    #[test]
    fn a_paste_is_one_key() {
        check(b"\x1b[200~a\r\nb\rc;\x1b[201~\r", &[Key::Paste("a\nb\nc;".to_owned()), Key::Enter]);
        check(b"\x1b[200~x\x1by\x03\x1b[201~", &[Key::Paste("xy".to_owned())]);
        check(b"\x1b[200~cut off", &[]);
    }
}
