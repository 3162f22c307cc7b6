//! A thread pool for browsers, where waking a sleeping thread takes longer than running a small
//! operation.
//!
//! After an operation, the threads therefore wait actively (spin) for the next one for a short time
//! before they sleep; general thread pools do not. The pool runs one job at a time, and the thread
//! that starts the job works on it too. It waits for the others in the same way: on a busy machine
//! they may need the core on which it spins.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many times a thread checks for work before it sleeps. This takes a fraction of a
/// millisecond.
const PATIENCE: usize = 100_000;

type Job = &'static (dyn Fn(usize) + Sync);

/// A thread pool that runs one job at a time.
pub(crate) struct Crew {
    members: AtomicUsize,
    /// Whether a job is running.
    busy: AtomicBool,
    job: Mutex<Option<Job>>,
    /// Number of items of the job that no thread has taken yet. The last item is taken first.
    left: AtomicUsize,
    /// Number of items of the job that are done.
    done: AtomicUsize,
    /// Whether the thread that started the job sleeps, or is about to sleep, until all are done.
    owner_asleep: AtomicBool,
    owner_falls_asleep: Mutex<()>,
    owner_awake: Condvar,
    /// Number of members that sleep or are about to sleep.
    asleep: Mutex<usize>,
    awake: Condvar,
}

impl Crew {
    pub(crate) const fn new() -> Self {
        Self {
            members: AtomicUsize::new(0),
            busy: AtomicBool::new(false),
            job: Mutex::new(None),
            left: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            owner_asleep: AtomicBool::new(false),
            owner_falls_asleep: Mutex::new(()),
            owner_awake: Condvar::new(),
            asleep: Mutex::new(0),
            awake: Condvar::new(),
        }
    }

    /// Number of threads that work on a job: the members, and the thread that starts the job.
    pub(crate) fn threads(&self) -> usize {
        1 + self.members.load(SeqCst)
    }

    /// Makes the calling thread a member. It never returns.
    pub(crate) fn join(&self) -> ! {
        self.members.fetch_add(1, SeqCst);
        let mut idle = 0;
        loop {
            if self.work() {
                idle = 0;
            } else if idle < PATIENCE {
                idle += 1;
                spin_loop();
            } else {
                self.sleep();
                idle = 0;
            }
        }
    }

    /// Calls `work` with each index below `count`, on all threads, and returns when all calls are
    /// done.
    pub(crate) fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        // If another job is running (this may be a job within a job), all threads are taken. The
        // calling thread then does all the work itself.
        if count < 2 || self.threads() == 1 || self.busy.swap(true, SeqCst) {
            return (0..count).for_each(work);
        }
        #[expect(unsafe_code, reason = "threads outlive what they are asked to do")]
        // SAFETY: the job is called only for an item that was taken and is not done, and this
        // function does not return before all are.
        let job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(work) };
        *locked(&self.job) = Some(job);
        self.done.store(0, SeqCst);
        self.left.store(count, SeqCst);
        if *locked(&self.asleep) > 0 {
            self.awake.notify_all();
        }
        while self.work() {}
        let is_done = || self.done.load(SeqCst) == count;
        for _ in 0..PATIENCE {
            if is_done() {
                break;
            }
            spin_loop();
        }
        if !is_done() {
            self.sleep_until(is_done);
        }
        self.busy.store(false, SeqCst);
    }

    /// Sleeps until `is_done` holds after a member has done an item.
    fn sleep_until(&self, is_done: impl Fn() -> bool) {
        self.owner_asleep.store(true, SeqCst);
        let falling_asleep = locked(&self.owner_falls_asleep);
        // No wake-up is lost: a member first increments `done`, then reads `owner_asleep`, and then
        // locks; this thread first sets `owner_asleep`, then locks, and then reads `done`.
        let awake = self.owner_awake.wait_while(falling_asleep, |()| !is_done());
        drop(awake);
        self.owner_asleep.store(false, SeqCst);
    }

    /// Does one item of the job, if there is one left.
    fn work(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        let Ok(left) = self.left.fetch_update(SeqCst, SeqCst, take) else {
            return false;
        };
        // No other job can start before this item is done, because `run` waits for all items.
        let job = locked(&self.job).expect("a job with an item left");
        job(left - 1);
        self.done.fetch_add(1, SeqCst);
        if self.owner_asleep.load(SeqCst) {
            drop(locked(&self.owner_falls_asleep));
            self.owner_awake.notify_one();
        }
        true
    }

    fn sleep(&self) {
        let mut asleep = locked(&self.asleep);
        *asleep += 1;
        // No wake-up is lost: `run` first sets `left` and then reads `asleep`; this thread first
        // increments `asleep` and then reads `left`. At least one of them sees the other's change.
        let woken = self
            .awake
            .wait_while(asleep, |_| self.left.load(SeqCst) == 0);
        *woken.unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of `members` threads, which run until the process ends.
    fn crew(members: usize) -> &'static Crew {
        let crew = Box::leak(Box::new(Crew::new()));
        for _ in 0..members {
            std::thread::spawn(|| crew.join());
        }
        while crew.threads() < 1 + members {
            std::thread::yield_now();
        }
        crew
    }

    #[test]
    fn every_item_is_done_once_before_run_returns() {
        for members in [0, 1, 3] {
            let crew = crew(members);
            for count in (0..200).chain([5000]) {
                let times: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                crew.run(count, &|item| {
                    times[item].fetch_add(1, SeqCst);
                });
                assert!(times.iter().all(|times| times.load(SeqCst) == 1));
            }
        }
    }

    #[test]
    fn members_that_sleep_are_woken() {
        let crew = crew(1);
        for _ in 0..3 {
            while *locked(&crew.asleep) == 0 {
                std::thread::yield_now();
            }
            // Each of the two items waits for the other, so a single thread would never finish.
            let arrived = AtomicUsize::new(0);
            crew.run(2, &|_| {
                arrived.fetch_add(1, SeqCst);
                while arrived.load(SeqCst) < 2 {
                    std::thread::yield_now();
                }
            });
        }
    }

    #[test]
    fn the_owner_sleeps_while_a_member_takes_long_and_is_woken() {
        let crew = crew(1);
        for _ in 0..3 {
            let owner = std::thread::current().id();
            let arrived = AtomicUsize::new(0);
            let slept = AtomicBool::new(false);
            crew.run(2, &|_| {
                arrived.fetch_add(1, SeqCst);
                while arrived.load(SeqCst) < 2 {
                    std::thread::yield_now();
                }
                if std::thread::current().id() != owner {
                    while !crew.owner_asleep.load(SeqCst) {
                        std::thread::yield_now();
                    }
                    slept.store(true, SeqCst);
                }
            });
            assert!(slept.into_inner());
        }
    }

    #[test]
    fn a_job_within_a_job_is_done_too() {
        let crew = crew(2);
        let sum = AtomicUsize::new(0);
        crew.run(4, &|outer| {
            crew.run(5, &|inner| {
                sum.fetch_add(outer * inner, SeqCst);
            });
        });
        assert_eq!(sum.load(SeqCst), 60);
    }
}
