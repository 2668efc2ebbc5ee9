//! Journals taken apart and put together again, by the tables in the module that writes them.

use std::fs;
use std::path::Path;

use raftlab_node::journal::{Outcome, Step};

const FILE_HEAD: usize = 72;
const HEAD: usize = 12;

/// A journal as its head and the payloads of its records.
pub struct Forged {
    pub head: Vec<u8>,
    pub payloads: Vec<Vec<u8>>,
}

impl Forged {
    pub fn read(path: &Path) -> Forged {
        let bytes = fs::read(path).unwrap();
        let (head, mut rest) = bytes.split_at(FILE_HEAD);
        let mut payloads = Vec::new();
        while !rest.is_empty() {
            let len = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
            payloads.push(rest[HEAD..HEAD + len].to_vec());
            rest = &rest[HEAD + len..];
        }
        Forged { head: head.to_vec(), payloads }
    }

    /// With checksums that fit.
    pub fn write(&self, path: &Path) {
        let mut bytes = self.head.clone();
        let check = crc32c::crc32c(&bytes[16..]);
        bytes[12..16].copy_from_slice(&check.to_le_bytes());
        let seed = crc32c::crc32c(&bytes);
        for (number, payload) in (0u64..).zip(&self.payloads) {
            let mut head = Vec::new();
            head.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
            head.extend(crc32c::crc32c(payload).to_le_bytes());
            let check = crc32c::crc32c_append(crc32c::crc32c_append(seed, &number.to_le_bytes()), &head);
            head.extend(check.to_le_bytes());
            bytes.extend(head);
            bytes.extend(payload);
        }
        fs::write(path, bytes).unwrap();
    }

    /// Changes what a step says of itself and of what came of it.
    pub fn edit_step(&mut self, record: usize, edit: impl FnOnce(&mut Step, &mut Outcome)) {
        let payload = &mut self.payloads[record];
        assert_eq!(payload[0], 2, "record {record} is no step");
        let (mut step, rest) = postcard::take_from_bytes::<Step>(&payload[1..]).unwrap();
        let mut outcome = postcard::from_bytes::<Outcome>(rest).unwrap();
        edit(&mut step, &mut outcome);
        *payload = postcard::to_extend(&outcome, postcard::to_extend(&step, vec![2]).unwrap()).unwrap();
    }

    /// The records that are steps, with their inputs.
    pub fn steps(&self) -> Vec<(usize, Step)> {
        let steps = self.payloads.iter().enumerate().filter(|(_, payload)| payload[0] == 2);
        steps.map(|(at, payload)| (at, postcard::take_from_bytes(&payload[1..]).unwrap().0)).collect()
    }
}
