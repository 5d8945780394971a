--! title = "Customers whose web spending outgrew the stores'"
--! question = "Whose spending on the web grew faster from one year to the next than the same customer's spending in the stores?"
--! param.SELECTONE.default = "customer_preferred_cust_flag"
--! param.SELECTONE.sql = [
--!     "customer_preferred_cust_flag", "customer_birth_country", "customer_login",
--!     "customer_email_address",
--! ]
--! param.YEAR = { default = 2001, int = [1998, 2001] }
--! deviations = ["SELECTONE holds the bare column; the alias before it is part of the text"]

with year_totals as (
    select
        c_customer_id as customer_id,
        c_first_name as customer_first_name,
        c_last_name as customer_last_name,
        c_preferred_cust_flag as customer_preferred_cust_flag,
        c_birth_country as customer_birth_country,
        c_login as customer_login,
        c_email_address as customer_email_address,
        d_year as sales_year,
        sum(ss_ext_list_price - ss_ext_discount_amt) as year_total,
        's' as sale_type
    from customer
    join store_sales on c_customer_sk = ss_customer_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    group by
        c_customer_id,
        c_first_name,
        c_last_name,
        c_preferred_cust_flag,
        c_birth_country,
        c_login,
        c_email_address,
        d_year
    union all
    select
        c_customer_id as customer_id,
        c_first_name as customer_first_name,
        c_last_name as customer_last_name,
        c_preferred_cust_flag as customer_preferred_cust_flag,
        c_birth_country as customer_birth_country,
        c_login as customer_login,
        c_email_address as customer_email_address,
        d_year as sales_year,
        sum(ws_ext_list_price - ws_ext_discount_amt) as year_total,
        'w' as sale_type
    from customer
    join web_sales on c_customer_sk = ws_bill_customer_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    group by
        c_customer_id,
        c_first_name,
        c_last_name,
        c_preferred_cust_flag,
        c_birth_country,
        c_login,
        c_email_address,
        d_year
)
select
    store_second.customer_id,
    store_second.customer_first_name,
    store_second.customer_last_name,
    store_second.{SELECTONE}
from year_totals as store_first
join year_totals as store_second on store_first.customer_id = store_second.customer_id
join year_totals as web_first on store_first.customer_id = web_first.customer_id
join year_totals as web_second on store_first.customer_id = web_second.customer_id
where store_first.sale_type = 's'
    and store_first.sales_year = {YEAR}
    and store_second.sale_type = 's'
    and store_second.sales_year = {YEAR} + 1
    and web_first.sale_type = 'w'
    and web_first.sales_year = {YEAR}
    and web_second.sale_type = 'w'
    and web_second.sales_year = {YEAR} + 1
    and store_first.year_total > 0
    and web_first.year_total > 0
    and case when web_first.year_total > 0 then web_second.year_total / web_first.year_total else 0.0 end
        > case when store_first.year_total > 0 then store_second.year_total / store_first.year_total else 0.0 end
order by
    store_second.customer_id,
    store_second.customer_first_name nulls first,
    store_second.customer_last_name nulls first,
    store_second.{SELECTONE} nulls first
limit 100
