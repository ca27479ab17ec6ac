//! The parts of a link: an unguessable id, and the secret with which the owner can replace and delete
//! the scene.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// The text is not exactly the hexadecimal digits of an id or a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id or a secret")]
pub struct NotALink;

/// 128 random bits, written as 32 lower-case hexadecimal digits. Whoever knows the id of a scene may
/// view it, and whoever knows that of an upload may go on with it. No other input is ever used in a
/// path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id([u8; 16]);

impl Id {
    /// Generates a new id.
    ///
    /// # Errors
    /// Returns an error if the system cannot provide random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        random().map(Self)
    }
}

impl FromStr for Id {
    type Err = NotALink;

    fn from_str(text: &str) -> Result<Self, NotALink> {
        from_hex(text).map(Self)
    }
}

impl TryFrom<String> for Id {
    type Error = NotALink;

    fn try_from(text: String) -> Result<Self, NotALink> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// 256 random bits, written as 64 lower-case hexadecimal digits. Whoever knows the secret may
/// replace and delete the scene. Only its hash is stored, and it has no `Debug` output.
pub struct Secret([u8; 32]);

impl Secret {
    /// Generates a new secret.
    ///
    /// # Errors
    /// Returns an error if the system cannot provide random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        random().map(Self)
    }

    /// The digits, to be given to the owner once.
    pub fn reveal(&self) -> String {
        hex(&self.0)
    }

    /// The hash that is stored. A plain hash is sufficient because the secret itself is random.
    pub fn hash(&self) -> SecretHash {
        SecretHash(blake3::hash(&self.0))
    }
}

impl FromStr for Secret {
    type Err = NotALink;

    fn from_str(text: &str) -> Result<Self, NotALink> {
        from_hex(text).map(Self)
    }
}

/// The BLAKE3 hash of a secret. Comparison takes constant time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash(blake3::Hash);

impl TryFrom<String> for SecretHash {
    type Error = NotALink;

    fn try_from(text: String) -> Result<Self, NotALink> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| NotALink)
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hash.0.to_hex().to_string()
    }
}

/// The time for which a scene is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    days: u32,
}

impl Lifetime {
    /// The allowed lifetimes, days.
    pub const DAYS: [u32; 3] = [1, 7, 90];

    /// The lifetime in seconds.
    pub fn seconds(self) -> u64 {
        u64::from(self.days) * 86_400
    }
}

/// The text is not one of [`Lifetime::DAYS`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scene is kept for 1, 7 or 90 days, not for `{0}`")]
pub struct NotALifetime(String);

impl FromStr for Lifetime {
    type Err = NotALifetime;

    fn from_str(text: &str) -> Result<Self, NotALifetime> {
        let days = text.parse().ok().filter(|days| Self::DAYS.contains(days));
        days.map(|days| Self { days })
            .ok_or_else(|| NotALifetime(text.chars().take(20).collect()))
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], NotALink> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return Err(NotALink);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0]).ok_or(NotALink)? << 4 | digit(pair[1]).ok_or(NotALink)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_exact_ids_are_ids() {
        let id = Id::random().unwrap();
        assert!(id.to_string().parse::<Id>().unwrap() == id);
        let good = "0123456789abcdef0123456789abcdef";
        assert_eq!(good.parse::<Id>().unwrap().to_string(), good);
        for bad in [
            "",
            "..",
            "../../etc/passwd",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace('0', "/"),
            &good.replace('0', "é"),
        ] {
            assert!(bad.parse::<Id>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_kept_only_as_its_hash() {
        let secret = Secret::random().unwrap();
        let stored = serde_json::to_string(&secret.hash()).unwrap();
        assert!(!stored.contains(&secret.reveal()));
        let read: SecretHash = serde_json::from_str(&stored).unwrap();
        assert!(read == secret.reveal().parse::<Secret>().unwrap().hash());
        assert!(read != Secret::random().unwrap().hash());
        assert!(serde_json::from_str::<SecretHash>("\"00\"").is_err());
    }

    #[test]
    fn three_lifetimes() {
        assert_eq!("7".parse::<Lifetime>().unwrap().seconds(), 604_800);
        for bad in ["0", "8", "-1", "", "99999999999999"] {
            assert!(bad.parse::<Lifetime>().is_err(), "{bad}");
        }
    }
}
