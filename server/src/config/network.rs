//! Blocks of IP addresses, to say which proxies are believed.

use std::net::IpAddr;

/// A block of addresses: `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    /// The bits that must agree.
    mask: u128,
}

impl Network {
    /// Whether the address lies in this block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        (to_bits(address) & self.mask) == self.base
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refused = || "must hold addresses such as \"10.0.0.1\" or \"10.0.0.0/8\"".to_owned();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= width),
            None => Some(width),
        };
        let host_bits = width - prefix.ok_or_else(refused)?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        let base = to_bits(address);
        if base & mask == base {
            Ok(Self { base, mask })
        } else {
            // Somebody who writes 10.0.0.1/8 meant something else than 10.0.0.0/8.
            Err("must hold blocks that start at their first address: \"10.0.0.0/8\"".to_owned())
        }
    }
}

/// IPv4 is compared as the IPv6 addresses it maps to (`::ffff:0:0/96`), since a socket that
/// takes both kinds reports it so.
fn to_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        for (block, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let network = Network::parse(block).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{block} {address}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/8/8", "::/129"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
