--! title = "Brand revenue of a manufacturer in one month"
--! question = "What did each brand of one manufacturer bring in the stores in a given month of every year?"
--! param.AGGC.default = "ss_ext_sales_price"
--! param.AGGC.sql = [
--!     "ss_ext_sales_price", "ss_sales_price", "ss_ext_discount_amt", "ss_net_profit",
--! ]
--! param.MANUFACT = { default = 128, int = [1, 1000] }
--! param.MONTH = { default = 11, int = [11, 12] }

select
    d_year,
    i_brand_id as brand_id,
    i_brand as brand,
    sum({AGGC}) as sum_agg
from date_dim
join store_sales on d_date_sk = ss_sold_date_sk
join item on ss_item_sk = i_item_sk
where i_manufact_id = {MANUFACT}
    and d_moy = {MONTH}
group by d_year, i_brand, i_brand_id
order by d_year nulls first, sum_agg desc nulls last, brand_id nulls first
limit 100
