//! What we and a worker tell each other.
//!
//! ```text
//!   4 bytes            8 bytes          as many
//!   header's length ─▶ rows' length ─▶  header (JSON) ─▶ rows (an Arrow IPC stream)
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde_json::Value;

use super::wait::{Over, Wait};

/// What a header, and what rows have at the most: more is no message of a worker's.
const HEADER_BYTES_MAX: usize = 1 << 24;
const ROWS_BYTES_MAX: usize = 1 << 34;
/// So much is read at once, that a wrong length does not take memory.
const PIECE_BYTES: usize = 1 << 24;

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) header: Value,
    pub(super) rows: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The worker has ended.
    Closed,
    /// Nobody waits any longer.
    Over(Over),
    /// Something else is wrong with the connection, or with what came over it.
    Failed(String),
}

impl Message {
    /// Sends it over a stream whose time limits are ticks.
    pub(super) fn send(&self, mut stream: &UnixStream, wait: &mut Wait<'_>) -> Result<(), Broken> {
        let header = self.header.to_string().into_bytes();
        let too_long = |_| Broken::Failed("its request is too long".to_owned());
        let header_length = u32::try_from(header.len()).map_err(too_long)?;
        let lengths = [&header_length.to_le_bytes()[..], &(self.rows.len() as u64).to_le_bytes()[..]].concat();
        for part in [&lengths, &header, &self.rows] {
            let mut left: &[u8] = part;
            while !left.is_empty() {
                match stream.write(left) {
                    Ok(0) => return Err(Broken::Closed),
                    Ok(written) => left = &left[written..],
                    Err(error) => go_on(error, wait)?,
                }
            }
        }
        Ok(())
    }

    /// Waits for one.
    pub(super) fn receive(stream: &UnixStream, wait: &mut Wait<'_>) -> Result<Self, Broken> {
        let mut lengths = [0; 12];
        read_exactly(stream, &mut lengths, wait)?;
        let [a, b, c, d, rows_length @ ..] = lengths;
        let header = read(stream, u64::from(u32::from_le_bytes([a, b, c, d])), HEADER_BYTES_MAX, wait)?;
        let rows = read(stream, u64::from_le_bytes(rows_length), ROWS_BYTES_MAX, wait)?;
        let header = serde_json::from_slice(&header).map_err(|error| garbled(&error))?;
        Ok(Self { header, rows })
    }
}

fn read(stream: &UnixStream, length: u64, most: usize, wait: &mut Wait<'_>) -> Result<Vec<u8>, Broken> {
    let length = usize::try_from(length).ok().filter(|length| *length <= most);
    let length = length.ok_or_else(|| garbled(&"too long"))?;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let (filled, piece) = (bytes.len(), (length - bytes.len()).min(PIECE_BYTES));
        bytes.resize(filled + piece, 0);
        read_exactly(stream, &mut bytes[filled..], wait)?;
    }
    Ok(bytes)
}

fn read_exactly(mut stream: &UnixStream, mut buffer: &mut [u8], wait: &mut Wait<'_>) -> Result<(), Broken> {
    while !buffer.is_empty() {
        match stream.read(buffer) {
            Ok(0) => return Err(Broken::Closed),
            Ok(read) => buffer = &mut buffer[read..],
            Err(error) => go_on(error, wait)?,
        }
    }
    Ok(())
}

/// What to do after an error: nothing, if only a tick has passed.
fn go_on(error: io::Error, wait: &mut Wait<'_>) -> Result<(), Broken> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => wait.tick().map_err(Broken::Over),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Err(Broken::Closed),
        _ => Err(Broken::Failed(error.to_string())),
    }
}

fn garbled(error: &dyn std::fmt::Display) -> Broken {
    Broken::Failed(format!("its answer is garbled: {error}"))
}

/// Rows as a message has them; of no batches, their columns alone.
pub(super) fn written(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.into_inner()
}

/// The only batch of a message.
pub(super) fn batch(rows: &[u8]) -> Result<RecordBatch, Broken> {
    let batch = StreamReader::try_new(rows, None).and_then(|mut reader| reader.next().transpose());
    batch.map_err(|error| garbled(&error))?.ok_or_else(|| garbled(&"no rows"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::statement::Statement;
    use super::super::wait::TICK;
    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        let (one, other) = UnixStream::pair().expect("a pair");
        for stream in [&one, &other] {
            stream.set_read_timeout(Some(TICK)).expect("set");
            stream.set_write_timeout(Some(TICK)).expect("set");
        }
        (one, other)
    }

    #[test]
    fn what_is_sent_is_received_also_if_it_does_not_fit_the_socket() {
        let (one, other) = pair();
        for rows in [0, 5, 3_000_000] {
            let sent = Message { header: json!({"do": "call"}), rows: vec![7; rows] };
            let received = std::thread::scope(|scope| {
                scope.spawn(|| sent.send(&one, &mut Wait::with(&Statement::default())).expect("sent"));
                Message::receive(&other, &mut Wait::with(&Statement::default())).expect("received")
            });
            assert_eq!((received.header, received.rows), (sent.header.clone(), sent.rows.clone()));
        }
    }

    #[track_caller]
    fn check(sent: &[u8], is_closed: bool, expected: &str) {
        let (mut one, other) = pair();
        one.write_all(sent).expect("sent");
        let _open = (!is_closed).then_some(one);
        let statement = Statement::default();
        let found = Message::receive(&other, &mut Wait::up_to(TICK * 2, &statement)).expect_err("wrong");
        let found = format!("{found:?}");
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn wrong_input() {
        check(&[], true, "Closed");
        check(&[1, 0, 0], true, "Closed");
        check(&[1, 0, 0], false, "TimedOut");
        check(&[255; 12], false, "too long");
        check(&[&[1, 0, 0, 0][..], &[0; 8], b"{"].concat(), false, "garbled");
        assert!(matches!(batch(&[1, 2, 3]), Err(Broken::Failed(_))));
    }
}
