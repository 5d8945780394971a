//! The terminal while keys are read: each key comes at once, unseen, and Ctrl-C is a key like others.

use std::io::{self, Read, Write};

#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Holds the terminal in that state; gives it back as it was.
pub(super) struct RawTerminal {
    #[cfg(unix)]
    before: Termios,
}

/// Asks for pastes to be marked, and takes that back.
const MARK_PASTES: &str = "\x1b[?2004h";
const LEAVE_PASTES: &str = "\x1b[?2004l";

impl RawTerminal {
    #[cfg(unix)]
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        // What is printed goes on being printed as usual.
        raw.output_modes = before.output_modes;
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        write(MARK_PASTES)?;
        Ok(Self { before })
    }

    #[cfg(not(unix))]
    pub(super) fn enter() -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        drop(write(LEAVE_PASTES));
        #[cfg(unix)]
        tcsetattr(io::stdin(), OptionalActions::Drain, &self.before).unwrap_or_default();
    }
}

/// The next byte; nothing at the end.
pub(super) fn read_byte() -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match io::stdin().lock().read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            // A signal, such as that the window has another size.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
