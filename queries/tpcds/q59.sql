--! title = "Weekday sales of stores against the next year"
--! question = "How do each store's sales by day of the week compare with the same week one year later?"
--! param.DMS = { default = 1212, int = [1176, 1212] }
--! deviations = ["the seven ratios, unnamed in the definition, are called sun_sales_ratio to sat_sales_ratio"]

with weekly as (
    select
        d_week_seq,
        ss_store_sk,
        sum(case when d_day_name = 'Sunday' then ss_sales_price end) as sun_sales,
        sum(case when d_day_name = 'Monday' then ss_sales_price end) as mon_sales,
        sum(case when d_day_name = 'Tuesday' then ss_sales_price end) as tue_sales,
        sum(case when d_day_name = 'Wednesday' then ss_sales_price end) as wed_sales,
        sum(case when d_day_name = 'Thursday' then ss_sales_price end) as thu_sales,
        sum(case when d_day_name = 'Friday' then ss_sales_price end) as fri_sales,
        sum(case when d_day_name = 'Saturday' then ss_sales_price end) as sat_sales
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    group by d_week_seq, ss_store_sk
)
select
    s_store_name1,
    s_store_id1,
    d_week_seq1,
    sun_sales1 / sun_sales2 as sun_sales_ratio,
    mon_sales1 / mon_sales2 as mon_sales_ratio,
    tue_sales1 / tue_sales2 as tue_sales_ratio,
    wed_sales1 / wed_sales2 as wed_sales_ratio,
    thu_sales1 / thu_sales2 as thu_sales_ratio,
    fri_sales1 / fri_sales2 as fri_sales_ratio,
    sat_sales1 / sat_sales2 as sat_sales_ratio
-- date_dim has a row a day: on both sides a week stands once for each of its days in the period
from (
    select
        s_store_name as s_store_name1,
        weekly.d_week_seq as d_week_seq1,
        s_store_id as s_store_id1,
        sun_sales as sun_sales1,
        mon_sales as mon_sales1,
        tue_sales as tue_sales1,
        wed_sales as wed_sales1,
        thu_sales as thu_sales1,
        fri_sales as fri_sales1,
        sat_sales as sat_sales1
    from weekly
    join store on ss_store_sk = s_store_sk
    join date_dim on weekly.d_week_seq = date_dim.d_week_seq
    where d_month_seq between {DMS} and {DMS} + 11
) as this_year
join (
    select
        s_store_name as s_store_name2,
        weekly.d_week_seq as d_week_seq2,
        s_store_id as s_store_id2,
        sun_sales as sun_sales2,
        mon_sales as mon_sales2,
        tue_sales as tue_sales2,
        wed_sales as wed_sales2,
        thu_sales as thu_sales2,
        fri_sales as fri_sales2,
        sat_sales as sat_sales2
    from weekly
    join store on ss_store_sk = s_store_sk
    join date_dim on weekly.d_week_seq = date_dim.d_week_seq
    where d_month_seq between {DMS} + 12 and {DMS} + 23
) as next_year
    on s_store_id1 = s_store_id2
    and d_week_seq1 = d_week_seq2 - 52
order by s_store_name1 nulls first, s_store_id1, d_week_seq1
limit 100
