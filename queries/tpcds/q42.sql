--! title = "Category sales of one manager in a holiday month"
--! question = "What did the stores sell of one manager's items in each category in a month before the holidays?"
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the sum, unnamed in the definition, is called total_sales"]

select
    d_year,
    i_category_id,
    i_category,
    sum(ss_ext_sales_price) as total_sales
from date_dim
join store_sales on d_date_sk = ss_sold_date_sk
join item on ss_item_sk = i_item_sk
where i_manager_id = 1
    and d_moy = {MONTH}
    and d_year = {YEAR}
group by d_year, i_category_id, i_category
order by
    sum(ss_ext_sales_price) desc nulls last,
    d_year,
    i_category_id nulls first,
    i_category nulls first
limit 100
