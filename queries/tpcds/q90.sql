--! title = "Ratio of morning to evening web sales"
--! question = "What is the ratio of items sold over the web in two hours of the morning to those in two hours of the evening, for one household size and long pages?"
--! param.DEPCNT = { default = 6, int = [0, 9] }
--! param.HOUR_AM = { default = 8, int = [6, 12] }
--! param.HOUR_PM = { default = 19, int = [13, 21] }
--! deviations = ["the ratio is null instead of an error when nothing was sold in the evening"]

select cast(amc as decimal(15, 4)) / nullif(cast(pmc as decimal(15, 4)), 0) as am_pm_ratio
from (
    select count(*) as amc
    from web_sales
    join household_demographics on ws_ship_hdemo_sk = hd_demo_sk
    join time_dim on ws_sold_time_sk = t_time_sk
    join web_page on ws_web_page_sk = wp_web_page_sk
    where t_hour between {HOUR_AM} and {HOUR_AM} + 1
        and hd_dep_count = {DEPCNT}
        and wp_char_count between 5000 and 5200
) as morning
cross join (
    select count(*) as pmc
    from web_sales
    join household_demographics on ws_ship_hdemo_sk = hd_demo_sk
    join time_dim on ws_sold_time_sk = t_time_sk
    join web_page on ws_web_page_sk = wp_web_page_sk
    where t_hour between {HOUR_PM} and {HOUR_PM} + 1
        and hd_dep_count = {DEPCNT}
        and wp_char_count between 5000 and 5200
) as evening
order by am_pm_ratio nulls first
limit 100
