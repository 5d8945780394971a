//! Rules on logical plans, one a file.

mod keep_limits_off_scans;

pub(super) use keep_limits_off_scans::KeepLimitsOffScans;
