--! title = "Weekday revenue against the same week a year later"
--! question = "How does the revenue of the web and the catalog on each weekday compare, week by week, with that of 53 weeks later?"
--! param.YEAR = { default = 2001, int = [1998, 2001] }
--! deviations = ["the ratio columns, unnamed in the definition, are called sun_ratio to sat_ratio"]

with online_sales as (
    select
        sold_date_sk,
        sales_price
    from (
        select
            ws_sold_date_sk as sold_date_sk,
            ws_ext_sales_price as sales_price
        from web_sales
        union all
        select
            cs_sold_date_sk as sold_date_sk,
            cs_ext_sales_price as sales_price
        from catalog_sales
    ) as both_channels
),
weekly_sales as (
    select
        d_week_seq,
        sum(case when d_day_name = 'Sunday' then sales_price end) as sun_sales,
        sum(case when d_day_name = 'Monday' then sales_price end) as mon_sales,
        sum(case when d_day_name = 'Tuesday' then sales_price end) as tue_sales,
        sum(case when d_day_name = 'Wednesday' then sales_price end) as wed_sales,
        sum(case when d_day_name = 'Thursday' then sales_price end) as thu_sales,
        sum(case when d_day_name = 'Friday' then sales_price end) as fri_sales,
        sum(case when d_day_name = 'Saturday' then sales_price end) as sat_sales
    from online_sales
    join date_dim on sold_date_sk = d_date_sk
    group by d_week_seq
)
select
    this_year.week_seq as d_week_seq1,
    round(this_year.sun_sales / next_year.sun_sales, 2) as sun_ratio,
    round(this_year.mon_sales / next_year.mon_sales, 2) as mon_ratio,
    round(this_year.tue_sales / next_year.tue_sales, 2) as tue_ratio,
    round(this_year.wed_sales / next_year.wed_sales, 2) as wed_ratio,
    round(this_year.thu_sales / next_year.thu_sales, 2) as thu_ratio,
    round(this_year.fri_sales / next_year.fri_sales, 2) as fri_ratio,
    round(this_year.sat_sales / next_year.sat_sales, 2) as sat_ratio
-- a week meets each of its days in date_dim, so every pair of weeks comes out 49 times
from (
    select
        weekly_sales.d_week_seq as week_seq,
        sun_sales,
        mon_sales,
        tue_sales,
        wed_sales,
        thu_sales,
        fri_sales,
        sat_sales
    from weekly_sales
    join date_dim on weekly_sales.d_week_seq = date_dim.d_week_seq
    where d_year = {YEAR}
) as this_year
join (
    select
        weekly_sales.d_week_seq as week_seq,
        sun_sales,
        mon_sales,
        tue_sales,
        wed_sales,
        thu_sales,
        fri_sales,
        sat_sales
    from weekly_sales
    join date_dim on weekly_sales.d_week_seq = date_dim.d_week_seq
    where d_year = {YEAR} + 1
) as next_year on this_year.week_seq = next_year.week_seq - 53
order by d_week_seq1
