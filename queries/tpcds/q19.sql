--! title = "Best selling brands among customers from elsewhere"
--! question = "Which brands and makers of one manager's items earned most in a month from store customers who live in another zip code area than the store?"
--! param.MANAGER = { default = 8, int = [1, 100] }
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 1998, int = [1998, 2002] }

select
    i_brand_id as brand_id,
    i_brand as brand,
    i_manufact_id,
    i_manufact,
    sum(ss_ext_sales_price) as ext_price
from date_dim
join store_sales on d_date_sk = ss_sold_date_sk
join item on ss_item_sk = i_item_sk
join customer on ss_customer_sk = c_customer_sk
join customer_address on c_current_addr_sk = ca_address_sk
join store on ss_store_sk = s_store_sk
where i_manager_id = {MANAGER}
    and d_moy = {MONTH}
    and d_year = {YEAR}
    and substr(ca_zip, 1, 5) <> substr(s_zip, 1, 5)
group by i_brand, i_brand_id, i_manufact_id, i_manufact
order by
    ext_price desc nulls last,
    i_brand nulls first,
    i_brand_id nulls first,
    i_manufact_id nulls first,
    i_manufact nulls first
limit 100
