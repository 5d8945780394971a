--! title = "Average store sale of promoted items to one group"
--! question = "What are the averages of quantity, list price, coupon and sales price of each item sold in a year to one demographic group under promotions without email or without an event?"
--! param.ES = { default = "College", text = "education" }
--! param.GEN = { default = "M", text = "gender" }
--! param.MS = { default = "S", text = "marital_status" }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    i_item_id,
    avg(ss_quantity) as agg1,
    avg(ss_list_price) as agg2,
    avg(ss_coupon_amt) as agg3,
    avg(ss_sales_price) as agg4
from store_sales
join customer_demographics on ss_cdemo_sk = cd_demo_sk
join date_dim on ss_sold_date_sk = d_date_sk
join item on ss_item_sk = i_item_sk
join promotion on ss_promo_sk = p_promo_sk
where cd_gender = {GEN}
    and cd_marital_status = {MS}
    and cd_education_status = {ES}
    and (p_channel_email = 'N' or p_channel_event = 'N')
    and d_year = {YEAR}
group by i_item_id
order by i_item_id
limit 100
