--! title = "Brand revenue in a holiday month"
--! question = "How much did stores sell of each brand that the first manager is responsible for in one month before the holidays?"
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    d_year,
    i_brand_id as brand_id,
    i_brand as brand,
    sum(ss_ext_sales_price) as ext_price
from date_dim
join store_sales on d_date_sk = ss_sold_date_sk
join item on ss_item_sk = i_item_sk
where i_manager_id = 1
    and d_moy = {MONTH}
    and d_year = {YEAR}
group by d_year, i_brand, i_brand_id
order by d_year, ext_price desc nulls last, brand_id nulls first
limit 100
