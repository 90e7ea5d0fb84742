//! Reading CBOR (RFC 8949) as authenticators write it, and no other: lengths that are told beforehand, no key
//! twice, nothing nested deep.

use minicbor::{Decode, Decoder, data::Type};

/// How deep things may be nested (CTAP 2, section 8).
const DEEPEST: u8 = 4;
/// Entries of a map; no authenticator has as many.
const MOST: u64 = 32;

/// Reads the map that comes next, key by key; `entry` reads the value, or refuses the key.
pub(super) fn map<'b, K: Decode<'b, ()> + PartialEq + Copy>(
    reader: &mut Decoder<'b>,
    mut entry: impl FnMut(K, &mut Decoder<'b>) -> Option<()>,
) -> Option<()> {
    let length = reader.map().ok()??;
    if length > MOST {
        return None;
    }
    let mut seen = Vec::new();
    for _ in 0..length {
        let key: K = reader.decode().ok()?;
        if seen.contains(&key) {
            return None;
        }
        entry(key, reader)?;
        seen.push(key);
    }
    Some(())
}

/// Reads past whatever comes next.
pub(super) fn skip(reader: &mut Decoder<'_>) -> Option<()> {
    skip_at(reader, 0)
}

fn skip_at(reader: &mut Decoder<'_>, depth: u8) -> Option<()> {
    match reader.datatype().ok()? {
        Type::Bool => reader.bool().ok().map(|_| ()),
        Type::Null => reader.null().ok(),
        Type::Bytes => reader.bytes().ok().map(|_| ()),
        Type::String => reader.str().ok().map(|_| ()),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            reader.int().ok().map(|_| ())
        }
        kind @ (Type::Array | Type::Map) if depth < DEEPEST => {
            let items = match kind {
                Type::Array => reader.array().ok()??,
                _ => reader.map().ok()??.checked_mul(2)?,
            };
            (0..items).try_for_each(|_| skip_at(reader, depth + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_authenticator_writes_is_refused() {
        let skipped = |bytes: &[u8]| {
            let mut reader = Decoder::new(bytes);
            skip(&mut reader).map(|()| reader.position())
        };
        for (good, length) in [
            (&b"\xa1\x61k\xf5"[..], 4),
            (b"\x84\x01\x20\x41x\xf6", 6),
            (b"\x81\x81\x81\x81\x00", 5),
            (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9),
        ] {
            assert_eq!(skipped(good), Some(length), "{good:x?}");
        }
        for bad in [
            &b""[..],
            b"\x9f\x01\xff",                         // an array whose end is told by its end
            b"\xbf\xff",                             // a map like that
            b"\x5f\x41x\xff",                        // a byte string in pieces
            b"\xc0\x61t",                            // a tag
            b"\xfb\0\0\0\0\0\0\0\0",                 // a float
            b"\x81\x81\x81\x81\x81\x00",             // five deep
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", // longer than anything
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x42x",
            b"\x61\xff",
        ] {
            assert_eq!(skipped(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn a_key_is_read_once() {
        let read = |bytes: &[u8]| {
            map(&mut Decoder::new(bytes), |key: i64, reader| {
                (key < 9).then_some(())?;
                reader.bytes().ok().map(|_| ())
            })
        };
        assert_eq!(read(b"\xa2\x01\x41a\x20\x41b"), Some(()));
        for bad in [
            &b"\xa2\x01\x41a\x01\x41b"[..],
            b"\xa1\x61k\x41a",
            b"\xa1\x09\x41a",
            b"\xa2\x01\x41a",
            b"\xbf\xff",
        ] {
            assert_eq!(read(bad), None, "{bad:x?}");
        }
    }
}
