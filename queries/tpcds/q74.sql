--! title = "Customers whose web spending outgrew their store spending"
--! question = "For which customers did the spending per year grow by a larger factor on the web than in the stores?"
--! param.AGGONE = { default = "sum", sql = ["sum", "min", "max", "avg", "stddev_samp"] }
--! param.ORDERC = { default = [1, 1, 1], count = 3, int = [1, 3] }
--! param.YEAR = { default = 2001, int = [1998, 2001] }

with year_totals as (
    select
        c_customer_id as customer_id,
        c_first_name as customer_first_name,
        c_last_name as customer_last_name,
        d_year as sales_year,
        {AGGONE}(ss_net_paid) as year_total,
        's' as sale_type
    from customer
    join store_sales on c_customer_sk = ss_customer_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_year in ({YEAR}, {YEAR} + 1)
    group by c_customer_id, c_first_name, c_last_name, d_year
    union all
    select
        c_customer_id as customer_id,
        c_first_name as customer_first_name,
        c_last_name as customer_last_name,
        d_year as sales_year,
        {AGGONE}(ws_net_paid) as year_total,
        'w' as sale_type
    from customer
    join web_sales on c_customer_sk = ws_bill_customer_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    where d_year in ({YEAR}, {YEAR} + 1)
    group by c_customer_id, c_first_name, c_last_name, d_year
)
select
    store_second.customer_id,
    store_second.customer_first_name,
    store_second.customer_last_name
from year_totals as store_first
join year_totals as store_second on store_first.customer_id = store_second.customer_id
join year_totals as web_first on store_first.customer_id = web_first.customer_id
join year_totals as web_second on store_first.customer_id = web_second.customer_id
where store_first.sale_type = 's'
    and web_first.sale_type = 'w'
    and store_second.sale_type = 's'
    and web_second.sale_type = 'w'
    and store_first.sales_year = {YEAR}
    and store_second.sales_year = {YEAR} + 1
    and web_first.sales_year = {YEAR}
    and web_second.sales_year = {YEAR} + 1
    and store_first.year_total > 0
    and web_first.year_total > 0
    and case when web_first.year_total > 0 then web_second.year_total / web_first.year_total end
        > case when store_first.year_total > 0 then store_second.year_total / store_first.year_total end
-- positions of output columns, in one of the orders that the definition draws
order by {ORDERC.1} nulls first, {ORDERC.2} nulls first, {ORDERC.3} nulls first
limit 100
