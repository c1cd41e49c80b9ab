//! Text in a small form (RFC 1952), for lists that grow with the number of proxies.

use std::io::{Read as _, Write as _};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

/// Compresses bytes. The same bytes give the same result: the header has neither a time nor a name.
pub fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Decompresses bytes. The error says what is wrong; more than `max` bytes are an error.
pub fn decompress(bytes: &[u8], max: usize) -> Result<Vec<u8>, String> {
    let mut found = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    GzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut found)
        .map_err(|error| format!("is not compressed by gzip: {error}"))?;
    if found.len() > max { Err(format!("has more than {max} bytes when it is decompressed")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_read_back() {
        let text = "orders\n".repeat(1000);
        let small = compress(text.as_bytes()).unwrap();
        assert!(small.len() < 100);
        assert_eq!(small, compress(text.as_bytes()).unwrap());
        assert_eq!(decompress(&small, 7000), Ok(text.into_bytes()));
        assert!(decompress(&small, 6999).unwrap_err().contains("more than 6999 bytes"));
        assert!(decompress(b"hello", 10).unwrap_err().contains("gzip"));
    }
}
