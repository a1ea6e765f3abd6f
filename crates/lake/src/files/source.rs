//! Reads a Parquet file at positions: one system call a page, or one a column where whole columns are wanted.

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Parts of a column above that are read page by page, so that columns of long texts don't fill the memory.
const AHEAD_BYTES: u64 = 4 << 20;

/// An open file, and the parts of it that were read ahead.
pub(crate) struct Source {
    file: Arc<File>,
    bytes: u64,
    ahead: Vec<(u64, Bytes)>,
}

impl Source {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), bytes, ahead: vec![] })
    }

    /// Reads parts of the file that will be wanted whole, unless they are large.
    pub(super) fn read_ahead(&mut self, parts: impl Iterator<Item = Range<u64>>) -> Result<()> {
        for part in parts.filter(|part| part.end.saturating_sub(part.start) <= AHEAD_BYTES) {
            let bytes = self.get_bytes(part.start, (part.end - part.start) as usize)?;
            self.ahead.push((part.start, bytes));
        }
        Ok(())
    }

    fn read_already(&self, start: u64, length: usize) -> Option<Bytes> {
        self.ahead.iter().find_map(|(first, bytes)| {
            let from = usize::try_from(start.checked_sub(*first)?).ok()?;
            let to = from.checked_add(length).filter(|&to| to <= bytes.len())?;
            Some(bytes.slice(from..to))
        })
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Source {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(ReadFrom { file: Arc::clone(&self.file), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if let Some(bytes) = self.read_already(start, length) {
            return Ok(bytes);
        }
        // What the file says of itself must not make us ask for more memory than it has bytes.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("bytes {start} and {length} more, in a file of {}", self.bytes)));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// A file from a position on, without a position that other readers of it share.
pub(crate) struct ReadFrom {
    file: Arc<File>,
    position: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}
