//! Numbers in a file, with a checksum over all of them at its end.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use siphasher::sip::SipHasher13;

/// Writes numbers, little end first.
pub(crate) struct Writer {
    out: BufWriter<File>,
    sum: SipHasher13,
}

/// Reads them back.
pub(crate) struct Reader {
    from: BufReader<File>,
    sum: SipHasher13,
}

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
        Ok(Reader { from: BufReader::with_capacity(1 << 20, File::open(path)?), sum: SipHasher13::new() })
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        self.sum.write(&bytes);
        Ok(bytes)
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

    /// Holds what was read against the checksum.
    pub fn finish(mut self) -> io::Result<()> {
        let (sum, mut bytes) = (self.sum.finish(), [0; 8]);
        self.from.read_exact(&mut bytes)?;
        if u64::from_le_bytes(bytes) == sum {
            Ok(())
        } else {
            Err(io::Error::other("the checksum is wrong: the file is damaged"))
        }
    }
}
