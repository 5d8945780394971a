//! Rules on physical plans, one a file.

mod follow_scan_settings;
mod keep_limits_off_scans;
mod read_all_columns;

pub(super) use follow_scan_settings::FollowScanSettings;
pub(super) use keep_limits_off_scans::KeepLimitsOffScans;
pub(super) use read_all_columns::ReadAllColumns;
