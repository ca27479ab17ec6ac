//! How much one sender may take of what all share: places that are taken for a while, and budgets
//! that fill up again with time. A neighborhood (`client.rs`) may have as much as a few addresses, so
//! that many addresses of one sender are worth little more than one. What uploads may take in all is
//! bounded where they are kept (`uploads.rs`).

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use ipnet::IpNet;

use crate::client::networks;

/// Number of uploads that one address may begin at once; after that, one per [`UPLOAD_PERIOD`].
pub const UPLOAD_BURST: u32 = 10;
/// Time between further uploads from one address; see [`UPLOAD_BURST`].
pub const UPLOAD_PERIOD: Duration = Duration::from_secs(60);
/// Time in which the budget of bytes fills up.
const DAY: Duration = Duration::from_secs(86_400);
/// Number of addresses whose share a neighborhood may have.
pub const NEIGHBORS: u32 = 8;
/// The unit in which bytes are counted.
const KIB: u64 = 1 << 10;

/// Places for what happens at the same time: so many in all, and so many of one address, so that few
/// addresses cannot take all of them.
#[derive(Clone)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    total: usize,
    of_address: usize,
}

#[derive(Default)]
struct Taken {
    total: usize,
    of: HashMap<IpNet, usize>,
}

/// Who has taken the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// All senders together.
    Everybody,
    /// The sender alone.
    Sender,
}

impl Places {
    /// So many places in all, and for one address.
    pub fn new(total: usize, of_address: usize) -> Self {
        Self {
            taken: Arc::default(),
            total,
            of_address,
        }
    }

    /// Gives a place to an address.
    ///
    /// # Errors
    /// [`Crowd`], if there is none.
    pub fn take(&self, address: IpAddr) -> Result<Place, Crowd> {
        let networks = networks(address);
        let mut taken = self.taken();
        let most = [1, NEIGHBORS as usize].map(|times| self.of_address.saturating_mul(times));
        let is_full = |(network, most)| taken.of.get(network).is_some_and(|taken| *taken >= most);
        if networks.iter().zip(most).any(is_full) {
            return Err(Crowd::Sender);
        }
        if taken.total >= self.total {
            return Err(Crowd::Everybody);
        }
        taken.total += 1;
        for network in networks {
            *taken.of.entry(network).or_default() += 1;
        }
        Ok(Place(self.clone(), Some(networks)))
    }

    /// Gives a place to a reverse proxy, which is many senders in one.
    ///
    /// # Errors
    /// [`Crowd::Everybody`], if there is none.
    pub fn take_for_proxy(&self) -> Result<Place, Crowd> {
        let mut taken = self.taken();
        if taken.total >= self.total {
            return Err(Crowd::Everybody);
        }
        taken.total += 1;
        Ok(Place(self.clone(), None))
    }

    /// Number of places that are taken.
    pub fn count(&self) -> usize {
        self.taken().total
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken until this is dropped.
pub struct Place(Places, Option<[IpNet; 2]>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken();
        taken.total -= 1;
        for network in self.1.into_iter().flatten() {
            if let Some(own) = taken.of.get_mut(&network) {
                *own -= 1;
                if *own == 0 {
                    taken.of.remove(&network);
                }
            }
        }
    }
}

/// What every sender may do in a while: begin uploads, and announce bytes.
pub struct Budgets {
    uploads: [DefaultKeyedRateLimiter<IpNet>; 2],
    kibs: [DefaultKeyedRateLimiter<IpNet>; 2],
    bytes: u64,
}

/// A budget is spent for so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Time until it is enough, seconds.
    pub wait: u64,
}

impl Budgets {
    /// Budgets with which one address may announce so many bytes a day.
    pub fn new(bytes: u64) -> Self {
        let kibs = whole_kibs(bytes);
        let one = |most: u32, times: u32, period: Duration| {
            let most = NonZeroU32::new(most.saturating_mul(times)).unwrap_or(NonZeroU32::MIN);
            // No period is zero: a day has more microseconds than there are numbers of KiB.
            let quota = Quota::with_period(period / times);
            let quota = quota.unwrap_or(Quota::per_second(NonZeroU32::MIN));
            DefaultKeyedRateLimiter::keyed(quota.allow_burst(most))
        };
        let both = |most, period| [1, NEIGHBORS].map(|times| one(most, times, period));
        Self {
            uploads: both(UPLOAD_BURST, UPLOAD_PERIOD),
            kibs: both(kibs, DAY / kibs),
            bytes,
        }
    }

    /// Number of bytes that one address may announce in a day.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts the beginning of an upload.
    ///
    /// # Errors
    /// [`Spent`].
    pub fn begin(&self, address: IpAddr) -> Result<(), Spent> {
        spend(&self.uploads, address, NonZeroU32::MIN)
    }

    /// Counts bytes that are announced.
    ///
    /// # Errors
    /// [`Spent`].
    pub fn announce(&self, address: IpAddr, bytes: u64) -> Result<(), Spent> {
        // More than a whole budget never fits, and the limiters cannot count it.
        let wait = DAY.as_secs();
        let kibs = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        if kibs > whole_kibs(self.bytes) {
            return Err(Spent { wait });
        }
        let kibs = NonZeroU32::new(kibs).unwrap_or(NonZeroU32::MIN);
        spend(&self.kibs, address, kibs)
    }

    /// Forgets addresses whose budgets are full again.
    pub fn forget(&self) {
        for limiter in self.uploads.iter().chain(&self.kibs) {
            limiter.retain_recent();
        }
    }
}

/// The budget in its unit, of which there is at least one.
fn whole_kibs(bytes: u64) -> u32 {
    let kibs = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
    kibs.clamp(1, u32::MAX - 1)
}

fn spend(
    limiters: &[DefaultKeyedRateLimiter<IpNet>; 2],
    address: IpAddr,
    amount: NonZeroU32,
) -> Result<(), Spent> {
    for (limiter, network) in limiters.iter().zip(networks(address)) {
        match limiter.check_key_n(&network, amount) {
            Ok(Ok(())) => {}
            Ok(Err(until)) => {
                let wait = until.wait_time_from(limiter.clock().now());
                return Err(Spent {
                    wait: wait.as_secs() + 1,
                });
            }
            // The limiter holds less.
            Err(_) => {
                return Err(Spent {
                    wait: DAY.as_secs(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn v4(last: u8) -> IpAddr {
        IpAddr::from([10, 0, last, 1])
    }

    /// An address in network `network` of a /48.
    fn v6(network: u16) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, 1, network, 0, 0, 0, 1])
    }

    #[test]
    fn no_address_takes_all_places() {
        let places = Places::new(64, 4);
        let held: Vec<_> = (0..).map_while(|_| places.take(v4(1)).ok()).collect();
        assert_eq!(held.len(), 4);
        assert_eq!(places.take(v4(1)).err(), Some(Crowd::Sender));
        let mut others: Vec<_> = (2..100)
            .filter_map(|last| places.take(v4(last)).ok())
            .collect();
        assert_eq!(held.len() + others.len(), 64);
        assert_eq!(places.take(v4(200)).err(), Some(Crowd::Everybody));
        assert_eq!(places.take_for_proxy().err(), Some(Crowd::Everybody));
        others.pop();
        let proxy = places.take_for_proxy().ok();
        assert!(proxy.is_some());
        drop((held, others, proxy));
        assert_eq!(places.count(), 0);
        assert!(places.taken().of.is_empty());
    }

    #[test]
    fn many_networks_of_one_customer_are_a_few_addresses() {
        let places = Places::new(1000, 4);
        let held: Vec<_> = (0..200)
            .filter_map(|net| places.take(v6(net)).ok())
            .collect();
        assert_eq!(held.len(), 32);
        let budgets = Budgets::new(1 << 30);
        let begun = (0..200).filter(|net| budgets.begin(v6(*net)).is_ok());
        assert_eq!(begun.count(), 80);
        let announced = (0..200).filter(|net| budgets.announce(v6(*net), 1 << 29).is_ok());
        assert_eq!(announced.count(), 16);
    }

    #[test]
    fn a_budget_of_bytes_says_when_it_is_enough() {
        let budgets = Budgets::new(1 << 30);
        assert_eq!(budgets.announce(v4(1), 1 << 29), Ok(()));
        assert_eq!(budgets.announce(v4(1), 1 << 29), Ok(()));
        let Spent { wait } = budgets.announce(v4(1), 1 << 29).unwrap_err();
        assert!(wait.abs_diff(43_200) < 10, "{wait}");
        assert_eq!(budgets.announce(v4(2), 1 << 29), Ok(()));
        for odd in [0, u64::MAX] {
            let budgets = Budgets::new(odd);
            assert_eq!(budgets.announce(v4(1), 1), Ok(()), "{odd}");
            assert!(budgets.announce(v4(1), 1 << 50).is_err(), "{odd}");
        }
    }
}
