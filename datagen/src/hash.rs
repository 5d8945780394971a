//! The hash of a file's bytes.

use twox_hash::xxhash3_128;

/// XXH3-128 over bytes as they come.
#[derive(Clone, Default)]
pub struct FileHasher(xxhash3_128::Hasher);

impl FileHasher {
    /// No bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// The hash of all bytes so far, as [`crate::FileEntry::hash`] has it: 32 hexadecimal digits.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.0.finish_128())
    }
}

impl std::fmt::Debug for FileHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FileHasher").field(&self.finish()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_matter() {
        let (mut whole, mut pieces) = (FileHasher::new(), FileHasher::new());
        whole.update(b"abcdef");
        pieces.update(b"ab");
        pieces.update(b"cdef");
        assert_eq!(whole.finish(), pieces.finish());
        assert_ne!(whole.finish(), FileHasher::new().finish());
    }
}
