//! Names a secret in books and logs without writing it down.

/// FNV-1a, 64 bits, in hexadecimal: the same in every process and version, so that books can be read by a later one. It
/// keeps a secret out of a file; it does not protect one from whoever searches for it.
pub(crate) fn fingerprint(secret: &str) -> String {
    let hash = secret.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a() {
        for (text, hash) in
            [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")]
        {
            assert_eq!(fingerprint(text), hash, "{text}");
        }
    }
}
