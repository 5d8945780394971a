--! title = "Brand revenue of one manager"
--! question = "How much did stores sell of each brand of one manager in one month before the holidays?"
--! param.MANAGER = { default = 28, int = [1, 100] }
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 1999, int = [1998, 2002] }

select
    i_brand_id as brand_id,
    i_brand as brand,
    sum(ss_ext_sales_price) as ext_price
from date_dim
join store_sales on d_date_sk = ss_sold_date_sk
join item on ss_item_sk = i_item_sk
where i_manager_id = {MANAGER}
    and d_moy = {MONTH}
    and d_year = {YEAR}
group by i_brand, i_brand_id
order by ext_price desc nulls last, i_brand_id nulls first
limit 100
