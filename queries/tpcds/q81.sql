--! title = "Catalog customers returning above their state's average"
--! question = "Which customers now living in a given state returned more than 1.2 times the average catalog return total of the state they returned from in a year?"
--! param.STATE = { default = "GA", text = "states" }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

with customer_total_return as (
    select
        cr_returning_customer_sk as ctr_customer_sk,
        ca_state as ctr_state,
        sum(cr_return_amt_inc_tax) as ctr_total_return
    from catalog_returns
    join date_dim on cr_returned_date_sk = d_date_sk
    join customer_address on cr_returning_addr_sk = ca_address_sk
    where d_year = {YEAR}
    group by cr_returning_customer_sk, ca_state
)
select
    c_customer_id,
    c_salutation,
    c_first_name,
    c_last_name,
    ca_street_number,
    ca_street_name,
    ca_street_type,
    ca_suite_number,
    ca_city,
    ca_county,
    ca_state,
    ca_zip,
    ca_country,
    ca_gmt_offset,
    ca_location_type,
    ctr_total_return
from customer_total_return as ctr1
join customer on ctr1.ctr_customer_sk = c_customer_sk
join customer_address on c_current_addr_sk = ca_address_sk
where ctr1.ctr_total_return > (
        select avg(ctr2.ctr_total_return) * 1.2
        from customer_total_return as ctr2
        where ctr2.ctr_state = ctr1.ctr_state
    )
    -- the state of the current address: it may differ from the one the returns are averaged over
    and ca_state = {STATE}
order by
    c_customer_id,
    c_salutation nulls first,
    c_first_name nulls first,
    c_last_name nulls first,
    ca_street_number nulls first,
    ca_street_name nulls first,
    ca_street_type nulls first,
    ca_suite_number nulls first,
    ca_city nulls first,
    ca_county nulls first,
    ca_state,
    ca_zip nulls first,
    ca_country nulls first,
    ca_gmt_offset nulls first,
    ca_location_type nulls first,
    ctr_total_return
limit 100
