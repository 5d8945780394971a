--! title = "Store sales by day of the week"
--! question = "What did each store of one time zone sell on each day of the week in a year?"
--! # scale dependent: the time zones of the counties with a store, here those up to scale 1000
--! param.GMT = { default = "-5", sql = ["-5", "-6", "-7", "-8"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    s_store_name,
    s_store_id,
    sum(case when d_day_name = 'Sunday' then ss_sales_price end) as sun_sales,
    sum(case when d_day_name = 'Monday' then ss_sales_price end) as mon_sales,
    sum(case when d_day_name = 'Tuesday' then ss_sales_price end) as tue_sales,
    sum(case when d_day_name = 'Wednesday' then ss_sales_price end) as wed_sales,
    sum(case when d_day_name = 'Thursday' then ss_sales_price end) as thu_sales,
    sum(case when d_day_name = 'Friday' then ss_sales_price end) as fri_sales,
    sum(case when d_day_name = 'Saturday' then ss_sales_price end) as sat_sales
from date_dim
join store_sales on d_date_sk = ss_sold_date_sk
join store on ss_store_sk = s_store_sk
where s_gmt_offset = {GMT}
    and d_year = {YEAR}
group by s_store_name, s_store_id
order by
    s_store_name nulls first,
    s_store_id,
    sun_sales nulls first,
    mon_sales nulls first,
    tue_sales nulls first,
    wed_sales nulls first,
    thu_sales nulls first,
    fri_sales nulls first,
    sat_sales nulls first
limit 100
