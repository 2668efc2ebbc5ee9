//! Numbers in a file, with a checksum over all of them at its end.
//!
//! The checksum is held against the file before anything of it is believed: a number of a damaged file could be a
//! length that fills the memory, or a place in a table that there is not.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use siphasher::sip::SipHasher13;

/// Writes numbers, little end first.
pub(crate) struct Writer {
    out: BufWriter<File>,
    sum: SipHasher13,
}

/// Reads them back.
pub(crate) struct Reader {
    from: io::Take<BufReader<File>>,
}

/// Bytes of the checksum.
const SUM: u64 = 8;

impl Writer {
    pub fn create(path: &Path) -> io::Result<Writer> {
        Ok(Writer { out: BufWriter::with_capacity(1 << 20, File::create(path)?), sum: SipHasher13::new() })
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.write(bytes);
        self.out.write_all(bytes)
    }

    pub fn u32(&mut self, number: u32) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub fn u64(&mut self, number: u64) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub fn u128(&mut self, number: u128) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.u64(text.len() as u64)?;
        self.bytes(text.as_bytes())
    }

    /// How many, then each.
    pub fn list<T>(&mut self, list: &[T], each: impl Fn(&mut Self, &T) -> io::Result<()>) -> io::Result<()> {
        self.u64(list.len() as u64)?;
        list.iter().try_for_each(|item| each(self, item))
    }

    /// What may be there, after whether it is.
    pub fn option<T>(
        &mut self,
        item: Option<T>,
        each: impl Fn(&mut Self, T) -> io::Result<()>,
    ) -> io::Result<()> {
        self.u32(u32::from(item.is_some()))?;
        item.map_or(Ok(()), |item| each(self, item))
    }

    /// The checksum; then all is on disk.
    pub fn finish(mut self) -> io::Result<()> {
        let sum = self.sum.finish();
        self.out.write_all(&sum.to_le_bytes())?;
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }
}

impl Reader {
    pub fn open(path: &Path) -> io::Result<Reader> {
        let mut from = BufReader::with_capacity(1 << 20, File::open(path)?);
        let damaged = || io::Error::other("the checksum is wrong: the file is damaged");
        let length = from.get_ref().metadata()?.len().checked_sub(SUM).ok_or_else(damaged)?;
        if sum_of(&mut from.by_ref().take(length))? != u64::from_le_bytes(read(&mut from)?) {
            return Err(damaged());
        }
        from.rewind()?;
        Ok(Reader { from: from.take(length) })
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        read(&mut self.from)
    }

    pub fn u32(&mut self) -> io::Result<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> io::Result<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub fn u128(&mut self) -> io::Result<u128> {
        self.bytes().map(u128::from_le_bytes)
    }

    pub fn length(&mut self) -> io::Result<usize> {
        usize::try_from(self.u64()?).map_err(io::Error::other)
    }

    pub fn text(&mut self) -> io::Result<String> {
        let length = self.length()?;
        let mut bytes = Vec::new();
        for _ in 0..length {
            bytes.extend(self.bytes::<1>()?);
        }
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    pub fn list<T>(&mut self, each: impl Fn(&mut Self) -> io::Result<T>) -> io::Result<Vec<T>> {
        let length = self.length()?;
        (0..length).map(|_| each(self)).collect()
    }

    pub fn option<T>(&mut self, each: impl Fn(&mut Self) -> io::Result<T>) -> io::Result<Option<T>> {
        if self.u32()? == 0 { Ok(None) } else { each(self).map(Some) }
    }

    /// Nothing may be left.
    pub fn finish(self) -> io::Result<()> {
        if self.from.limit() == 0 { Ok(()) } else { Err(io::Error::other("there is more than was written")) }
    }
}

fn read<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The checksum of all that there is to read.
fn sum_of(from: &mut impl Read) -> io::Result<u64> {
    let (mut sum, mut bytes) = (SipHasher13::new(), vec![0; 1 << 16]);
    loop {
        match from.read(&mut bytes)? {
            0 => return Ok(sum.finish()),
            length => sum.write(&bytes[..length]),
        }
    }
}
