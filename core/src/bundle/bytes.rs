//! Little-endian numbers and LEB128 integers from untrusted bytes.

/// Appends an unsigned LEB128 integer, at most 5 bytes.
pub(super) fn push_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The bytes that are still unread; every read returns `None` once they run out.
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Also returns `None` for NaN and infinities.
    pub fn finite(&mut self) -> Option<f32> {
        self.array()
            .map(f32::from_le_bytes)
            .filter(|value| value.is_finite())
    }

    pub fn finite3(&mut self) -> Option<[f32; 3]> {
        Some([self.finite()?, self.finite()?, self.finite()?])
    }

    /// Also returns `None` for values that do not fit in 32 bits.
    pub fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_integer_beyond_32_bits_is_refused() {
        assert_eq!(
            Cursor(&[0xff, 0xff, 0xff, 0xff, 0x0f]).varint(),
            Some(u32::MAX)
        );
        assert_eq!(Cursor(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), None);
        assert_eq!(Cursor(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]).varint(), None);
        assert_eq!(Cursor(&[0x80]).varint(), None);
    }

    proptest! {
        #[test]
        fn integers_survive(values in prop::collection::vec(any::<u32>(), 0..20)) {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| push_varint(&mut bytes, *value));
            let mut cursor = Cursor(&bytes);
            for value in values {
                prop_assert_eq!(cursor.varint(), Some(value));
            }
            prop_assert!(cursor.is_empty());
        }
    }
}
