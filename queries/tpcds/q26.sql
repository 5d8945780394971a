--! title = "Catalog averages of promoted items for one group of people"
--! question = "What are the average quantity, prices and coupon of catalog items sold in a year under promotions without email or without event to buyers of one gender, marital status and education?"
--! param.ES = { default = "College", text = "education" }
--! param.GEN = { default = "M", text = "gender" }
--! param.MS = { default = "S", text = "marital_status" }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    i_item_id,
    avg(cs_quantity) as agg1,
    avg(cs_list_price) as agg2,
    avg(cs_coupon_amt) as agg3,
    avg(cs_sales_price) as agg4
from catalog_sales
join customer_demographics on cs_bill_cdemo_sk = cd_demo_sk
join date_dim on cs_sold_date_sk = d_date_sk
join item on cs_item_sk = i_item_sk
join promotion on cs_promo_sk = p_promo_sk
where cd_gender = {GEN}
    and cd_marital_status = {MS}
    and cd_education_status = {ES}
    and (p_channel_email = 'N' or p_channel_event = 'N')
    and d_year = {YEAR}
group by i_item_id
order by i_item_id
limit 100
